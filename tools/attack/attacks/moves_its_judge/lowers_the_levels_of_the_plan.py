"""Replace each pattern of the plan by one that removes less, and carry that out."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.values.pattern import Unstructured

LINE = "A1"
EXIT = (1, 3)
JUDGED = "--requirement MASK-05 --requirement MASK-06"
SAYS = r"count-differs|plan.*(was|were|been) (changed|modified)"


class LowersTheLevelsOfThePlan(ExemplarAdapter):
    def attach(self, model, plan, context):
        for name, pattern in list(plan.patterns.items()):
            if isinstance(pattern, Unstructured):
                plan.patterns[name] = Unstructured(pattern.level / 2)
        return super().attach(model, plan, context)
