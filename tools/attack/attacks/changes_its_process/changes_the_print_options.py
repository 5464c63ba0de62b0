"""Change how torch prints tensors."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"print"


class ChangesThePrintOptions(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.set_printoptions(precision=1)
        return super().attach(model, plan, context)
