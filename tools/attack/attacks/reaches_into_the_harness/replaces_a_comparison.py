"""Replace the function that compares with the oracle."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.oracle import compare

LINE = "A10"
EXIT = (1, 3)
SAYS = r"assert_equal|sparsecheck\.oracle\.compare"


class ReplacesAComparison(ExemplarAdapter):
    def attach(self, model, plan, context):
        compare.assert_equal = lambda *args, **kwargs: None
        return super().attach(model, plan, context)
