"""Take each planned parameter out of the plan once it is done, and do the first one only."""

from sparsecheck.adapter.holders import InPlaceSparsified
from sparsecheck.adapter.protocol import Adapter
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A1"
EXIT = (1, 3)
JUDGED = "--requirement MASK-01 --requirement MASK-04 --requirement MASK-31"
SAYS = r"plan-not-applied|mask-missing|SMOKE-0[23].* is failed|plan.*(was|were|been) (changed|modified)"


class OnlyOne(InPlaceSparsified):
    def update(self, level=None):
        name = next(iter(self.kept))
        self.kept[name].flatten()[::2] = False
        self.enforce()


class UsesThePlanAsAQueue(ExemplarAdapter):
    restore = Adapter.restore

    def attach(self, model, plan, context):
        sparsified = OnlyOne(model, plan)
        while len(plan.patterns) > 1:
            name, _ = plan.patterns.popitem()
            del sparsified.kept[name]
        return sparsified
