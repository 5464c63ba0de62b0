"""Give nn.Sequential a `__getattribute__`, where it inherits one from object."""

from torch import nn

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A7"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"__getattribute__"


class AttributeAccess(ExemplarAdapter):
    def attach(self, model, plan, context):
        nn.Module.__getattribute__ = lambda self, name: object.__getattribute__(self, name)
        return super().attach(model, plan, context)
