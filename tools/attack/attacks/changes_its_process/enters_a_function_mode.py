"""Enter a TorchFunctionMode for good, which sees and may change every call of torch."""

from torch.overrides import TorchFunctionMode

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"mode"


class Sees(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


class EntersAFunctionMode(ExemplarAdapter):
    def attach(self, model, plan, context):
        Sees().__enter__()
        return super().attach(model, plan, context)
