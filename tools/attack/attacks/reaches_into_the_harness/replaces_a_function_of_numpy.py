"""Replace numpy.array_equal by one that always agrees."""

import numpy

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A10"
EXIT = (1, 3)
SAYS = r"numpy\.array_equal|array_equal"


class ReplacesAFunction(ExemplarAdapter):
    def attach(self, model, plan, context):
        numpy.array_equal = lambda *args, **kwargs: True
        return super().attach(model, plan, context)
