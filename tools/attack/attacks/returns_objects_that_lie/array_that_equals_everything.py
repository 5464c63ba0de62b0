"""Return masks whose `numpy` gives an array that agrees with everything."""

import numpy
import torch

from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter

LINE = "A11"
EXIT = 1
JUDGED = "--requirement MASK-03 --requirement MASK-04"
SAYS = r"mask-differs|protocol|bool|Agrees|subclass|type"


class Array(numpy.ndarray):
    def __array_function__(self, func, types, args, kwargs):
        return True

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return numpy.zeros(self.shape, dtype=bool)

    def __eq__(self, other):
        return numpy.ones(self.shape, dtype=bool)

    def __ne__(self, other):
        return numpy.zeros(self.shape, dtype=bool)

    __hash__ = None


class Agrees(torch.Tensor):
    def numpy(self, *args, **kwargs):
        return super().numpy(*args, **kwargs).view(Array)

    def detach(self):
        return self

    def cpu(self):
        return self


class Flips(Exemplar):
    def masks(self):
        return {name: (~mask).as_subclass(Agrees) for name, mask in super().masks().items()}


class ArrayThatEquals(ExemplarAdapter):
    sparsified = Flips
