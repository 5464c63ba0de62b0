"""Change the dtype of autocast on the CPU."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"autocast"


class ChangesTheAutocastDtype(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.set_autocast_dtype("cpu", torch.float16)
        return super().attach(model, plan, context)
