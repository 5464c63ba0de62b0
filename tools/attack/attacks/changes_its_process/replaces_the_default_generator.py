"""Replace the default generator of torch."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"generator"


class ReplacesTheDefaultGenerator(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.default_generator = torch.Generator()
        return super().attach(model, plan, context)
