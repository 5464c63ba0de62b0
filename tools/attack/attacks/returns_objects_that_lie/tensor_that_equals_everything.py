"""Return masks of a subclass of Tensor whose comparisons and conversions always agree."""

import torch

from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter

LINE = "A11"
EXIT = 1
JUDGED = "--requirement MASK-03 --requirement MASK-04"
SAYS = r"mask-differs|protocol|bool|Agrees|subclass|type"


class Agrees(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func in (torch.equal, torch.allclose):
            return True
        return super().__torch_function__(func, types, args, kwargs or {})

    def __eq__(self, other):
        return torch.ones(self.shape, dtype=torch.bool)

    __hash__ = torch.Tensor.__hash__


class Flips(Exemplar):
    def masks(self):
        return {name: (~mask).as_subclass(Agrees) for name, mask in super().masks().items()}


class TensorThatEquals(ExemplarAdapter):
    sparsified = Flips
