"""Enter a TorchDispatchMode for good, which sees and may change every operator."""

from torch.utils._python_dispatch import TorchDispatchMode

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"mode"


class Sees(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


class EntersADispatchMode(ExemplarAdapter):
    def attach(self, model, plan, context):
        Sees().__enter__()
        return super().attach(model, plan, context)
