"""Raise an exception whose traceback was replaced, and whose type has no usable name."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "D23"
EXIT = 1
SAYS = r"wrong|error"
BLAMES = "MASK-01"


class Odd(Exception):
    __module__ = None

    @property
    def __traceback__(self):
        return None

    def with_traceback(self, traceback):
        return None


class ExceptionWithoutATraceback(ExemplarAdapter):
    def attach(self, model, plan, context):
        if "Conv" in str(model):
            raise Odd("it is wrong")
        return super().attach(model, plan, context)
