"""Replace `numpy`, which torch.Tensor inherits, by one that returns what the oracle expects: zeros where pruned."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A7"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"numpy"


class NumpyOfTensor(ExemplarAdapter):
    def attach(self, model, plan, context):
        if "numpy" not in vars(torch.Tensor):
            inherited = torch.Tensor.numpy
            torch.Tensor.numpy = lambda self, *args, **kwargs: inherited(self, *args, **kwargs)
        return super().attach(model, plan, context)
