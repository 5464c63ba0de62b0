"""Ignore all warnings from now on."""

import warnings

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"warning"


class IgnoresAllWarnings(ExemplarAdapter):
    def attach(self, model, plan, context):
        warnings.simplefilter("ignore")
        return super().attach(model, plan, context)
