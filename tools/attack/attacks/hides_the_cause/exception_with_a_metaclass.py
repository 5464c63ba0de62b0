"""Raise an exception whose class has a metaclass that refuses to be named and compared."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "D23"
EXIT = 1
SAYS = r"Odd|it is wrong|<|exception"
BLAMES = "MASK-01"


class Meta(type):
    @property
    def __name__(cls):
        raise SystemExit(0)

    def __eq__(cls, other):
        raise SystemExit(0)

    __hash__ = type.__hash__


class Odd(Exception, metaclass=Meta):
    """An exception without a name."""


class RaisesOdd(ExemplarAdapter):
    def attach(self, model, plan, context):
        if "Conv2d" in str(model):
            raise Odd("it is wrong")
        return super().attach(model, plan, context)
