"""Leave a temporary file behind in every cell."""

import tempfile

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"tempor"


class LeavesATemporaryFile(ExemplarAdapter):
    def attach(self, model, plan, context):
        tempfile.mkstemp(prefix="left-")
        return super().attach(model, plan, context)
