"""Set the level of a frozen pattern with object.__setattr__: whoever holds the pattern sees the lower level."""

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.values.pattern import Unstructured

LINE = "A1"
EXIT = (1, 3)
JUDGED = "--requirement MASK-05 --requirement MASK-06"
SAYS = r"count-differs|plan.*(was|were|been) (changed|modified)"


class SetsTheLevel(ExemplarAdapter):
    def attach(self, model, plan, context):
        for pattern in plan.patterns.values():
            if isinstance(pattern, Unstructured):
                object.__setattr__(pattern, "level", pattern.level / 2)
        return super().attach(model, plan, context)
