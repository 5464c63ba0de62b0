"""Replace warnings.showwarning, which prints warnings."""

import warnings

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"showwarning"


class ReplacesShowwarning(ExemplarAdapter):
    def attach(self, model, plan, context):
        warnings.showwarning = lambda *args, **kwargs: None
        return super().attach(model, plan, context)
