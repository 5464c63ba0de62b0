"""Give nn.Linear a `state_dict` of its own, where it inherits one."""

from torch import nn

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A7"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"state_dict"


class StateDictOfLinear(ExemplarAdapter):
    def attach(self, model, plan, context):
        inherited = nn.Module.state_dict
        nn.Linear.state_dict = lambda self, *args, **kwargs: inherited(self, *args, **kwargs)
        return super().attach(model, plan, context)
