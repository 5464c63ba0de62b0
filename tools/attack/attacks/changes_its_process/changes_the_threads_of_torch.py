"""Change the number of threads of torch."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"thread"


class ChangesTheThreadsOfTorch(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.set_num_threads(torch.get_num_threads() + 1)
        return super().attach(model, plan, context)
