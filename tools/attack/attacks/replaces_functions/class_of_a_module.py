"""Replace a class of torch by a subclass: torch.nn.Linear is then another class than the models have."""

from torch import nn

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A7"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"Linear"


class Linear(nn.Linear):
    """A linear layer of its own."""


class ClassOfAModule(ExemplarAdapter):
    def attach(self, model, plan, context):
        nn.Linear = Linear
        return super().attach(model, plan, context)
