"""Replace sys.excepthook, which prints the error that ends a process."""

import sys

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"excepthook"


class ReplacesTheExcepthook(ExemplarAdapter):
    def attach(self, model, plan, context):
        sys.excepthook = lambda *args: None
        return super().attach(model, plan, context)
