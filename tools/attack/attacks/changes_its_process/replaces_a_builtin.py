"""Replace a builtin: `all` is then always true."""

import builtins

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"builtin|all"


class ReplacesABuiltin(ExemplarAdapter):
    def attach(self, model, plan, context):
        builtins.all = lambda values: True
        return super().attach(model, plan, context)
