"""Let uninitialized memory be as it is, under deterministic algorithms."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"uninitialized"


class FillsUninitializedMemory(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.utils.deterministic.fill_uninitialized_memory = not torch.utils.deterministic.fill_uninitialized_memory
        return super().attach(model, plan, context)
