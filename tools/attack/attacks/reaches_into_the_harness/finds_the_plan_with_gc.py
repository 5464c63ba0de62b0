"""Find the dictionary of the case's own plan among its referrers with the garbage collector, and empty it."""

import gc

from sparsecheck.adapter.holders import InPlaceSparsified
from sparsecheck.adapter.protocol import Adapter
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A10"
EXIT = (1, 3)
SAYS = r"plan|trial|no comparison|compared nothing|SMOKE-0[23]"


class Nothing(InPlaceSparsified):
    def update(self, level=None):
        pass


class FindsThePlan(ExemplarAdapter):
    restore = Adapter.restore

    def attach(self, model, plan, context):
        sparsified = Nothing(model, type(plan)(dict(plan.patterns)))
        for one in gc.get_objects():
            if type(one).__name__ == "Plan" and one is not sparsified.plan and isinstance(one.patterns, dict):
                one.patterns.clear()
        return sparsified
