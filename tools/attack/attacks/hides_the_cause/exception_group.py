"""Raise an exception group that is nested a thousand times."""

import builtins

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

GROUP = getattr(builtins, "ExceptionGroup", lambda name, errors: errors[0])

LINE = "D23"
EXIT = 1
SAYS = r"ExceptionGroup|it is wrong|RuntimeError"
BLAMES = "MASK-01"


class RaisesAGroup(ExemplarAdapter):
    def attach(self, model, plan, context):
        if "Conv2d" in str(model):
            error = RuntimeError("it is wrong")
            for _ in range(1000):
                error = GROUP("many", [error])
            raise error
        return super().attach(model, plan, context)
