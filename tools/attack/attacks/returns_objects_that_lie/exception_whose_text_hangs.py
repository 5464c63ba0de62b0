"""Raise an exception whose text has 50 MB."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "D22"
EXIT = 1
SAYS = r"RuntimeError"
BLAMES = "MASK-01"
NEVER = r"x{3000}"


class ExceptionWithALongText(ExemplarAdapter):
    def attach(self, model, plan, context):
        if "Conv2d" in str(model):
            raise RuntimeError("x" * 50_000_000)
        return super().attach(model, plan, context)
