"""Delete a variable of the environment."""

import os

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"environ|HOME"


class DeletesAVariable(ExemplarAdapter):
    def attach(self, model, plan, context):
        os.environ.pop("HOME", None)
        return super().attach(model, plan, context)
