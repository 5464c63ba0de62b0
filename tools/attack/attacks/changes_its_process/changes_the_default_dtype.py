"""Set the default dtype to float64."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"default dtype"


class ChangesTheDefaultDtype(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.set_default_dtype(torch.float64)
        return super().attach(model, plan, context)
