"""Replace the code of the function that compares with the oracle: the function stays the same object."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.oracle import compare

LINE = "A10"
EXIT = (1, 3)
SAYS = r"assert_equal|compare"


def passes(seen, expected, kind, what):
    """Accept everything."""


class ReplacesTheCode(ExemplarAdapter):
    def attach(self, model, plan, context):
        compare.assert_equal.__code__ = passes.__code__
        return super().attach(model, plan, context)
