"""Raise an exception that is its own cause and its own context."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "D23"
EXIT = 1
SAYS = r"it is wrong"
BLAMES = "MASK-01"


class CauseLoop(ExemplarAdapter):
    def attach(self, model, plan, context):
        if "Conv2d" in str(model):
            error, other = RuntimeError("it is wrong"), ValueError("so is this")
            error.__cause__, other.__cause__ = other, error
            raise error
        return super().attach(model, plan, context)
