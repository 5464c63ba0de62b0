"""Leave a temporary file behind in every cell."""

import tempfile

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
JUDGED = "--requirement PROCESS-02"
SAYS = r"tempor"


class LeavesATemporaryFile(ExemplarAdapter):
    def attach(self, model, plan, context):
        tempfile.mkstemp(prefix="left-")
        return super().attach(model, plan, context)
