"""Change the recursion limit: with a low one, the next cell fails."""

import sys

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"recursion"


class ChangesTheRecursionLimit(ExemplarAdapter):
    def attach(self, model, plan, context):
        sys.setrecursionlimit(5000)
        return super().attach(model, plan, context)
