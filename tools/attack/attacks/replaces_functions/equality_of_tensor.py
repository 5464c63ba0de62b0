"""Put an `__eq__` of its own on the base class of torch.Tensor's results, by way of torch.Tensor."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A7"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"__eq__|\beq\b"


class EqualityOfTensor(ExemplarAdapter):
    def attach(self, model, plan, context):
        inherited = torch.Tensor.eq
        torch.Tensor.eq = lambda self, other: inherited(self, other)
        return super().attach(model, plan, context)
