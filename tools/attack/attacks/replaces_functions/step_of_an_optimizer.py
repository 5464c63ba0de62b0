"""Replace SGD.step by one that claims to come from a file of torch."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A7"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"SGD\.step|\bstep\b"


def step(self, closure=None):
    """Train nothing."""


class StepOfAnOptimizer(ExemplarAdapter):
    def attach(self, model, plan, context):
        step.__code__ = step.__code__.replace(co_filename=torch.optim.SGD.step.__code__.co_filename)
        torch.optim.SGD.step = step
        return super().attach(model, plan, context)
