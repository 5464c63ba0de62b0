"""Give nn.Linear a `__call__` of its own, where it inherits one."""

from torch import nn

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A7"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"__call__"


class CallOfLinear(ExemplarAdapter):
    def attach(self, model, plan, context):
        inherited = nn.Module.__call__
        nn.Linear.__call__ = lambda self, *args, **kwargs: inherited(self, *args, **kwargs)
        return super().attach(model, plan, context)
