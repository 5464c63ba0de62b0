"""Change a default of a function of torch: load_state_dict is then not strict."""

from torch import nn

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A7"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"load_state_dict|default"


class DefaultsOfATorchFunction(ExemplarAdapter):
    def attach(self, model, plan, context):
        nn.Module.load_state_dict.__defaults__ = (False, False)
        return super().attach(model, plan, context)
