"""Let torch.jit compile nothing."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"jit"


class DisablesTheJit(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.jit._state.disable()
        return super().attach(model, plan, context)
