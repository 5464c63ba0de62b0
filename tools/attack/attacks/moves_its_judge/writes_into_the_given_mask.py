"""Write into the array of the mask that was asked for: the mask that was made is then the mask that was asked for."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.values.pattern import Given

LINE = "A1"
EXIT = (1, 3)
JUDGED = "--requirement MASK-01 --requirement MASK-03"
SAYS = r"mask-differs|read-only|(mask|plan).*(was|were|been) (changed|modified)"


class WritesIntoTheGivenMask(ExemplarAdapter):
    def attach(self, model, plan, context):
        for pattern in plan.patterns.values():
            if isinstance(pattern, Given):
                torch.from_numpy(pattern.mask).flatten()[:3] = False
        return super().attach(model, plan, context)
