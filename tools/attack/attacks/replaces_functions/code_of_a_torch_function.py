"""Replace the code of a function of torch: the function stays the same object."""

from torch import nn

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A7"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"zero_grad|__code__|code of"


def zero_grad(self, set_to_none=True):
    """Do nothing: gradients add up."""


class CodeOfATorchFunction(ExemplarAdapter):
    def attach(self, model, plan, context):
        nn.Module.zero_grad.__code__ = zero_grad.__code__
        return super().attach(model, plan, context)
