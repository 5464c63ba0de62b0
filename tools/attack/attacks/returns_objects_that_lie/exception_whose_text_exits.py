"""Raise an exception whose `__str__` raises SystemExit(0)."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "D23"
EXIT = 1
SAYS = r"Silent|__str__|SystemExit"
BLAMES = "MASK-01"


class Silent(Exception):
    def __str__(self):
        raise SystemExit(0)


class ExceptionWhoseTextExits(ExemplarAdapter):
    def attach(self, model, plan, context):
        if "Conv" in str(model):
            raise Silent
        return super().attach(model, plan, context)
