"""Empty the plan in attach and do nothing: a loop over the plan then compares nothing."""

from sparsecheck.adapter.holders import InPlaceSparsified
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A1"
EXIT = (1, 3)
SAYS = r"plan-not-applied|SMOKE-0[23].* is failed|plan.*(was|were|been) (changed|modified|emptied)"


class Nothing(InPlaceSparsified):
    def update(self, level=None):
        pass


class EmptiesThePlan(ExemplarAdapter):
    def attach(self, model, plan, context):
        plan.patterns.clear()
        return Nothing(model, plan)
