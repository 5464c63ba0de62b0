"""Replace a method of a class of Python: warnings stay caught."""

import warnings

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "F1"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19"
SAYS = r"catch_warnings\.__exit__"


class Replaces(ExemplarAdapter):
    def attach(self, model, plan, context):
        original = warnings.catch_warnings.__exit__
        warnings.catch_warnings.__exit__ = lambda self, *reason: original(self, *reason)
        return super().attach(model, plan, context)
