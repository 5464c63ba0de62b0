"""Change a default keyword argument of SGD in place."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "F1"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19"
SAYS = r"code of SGD"


class Maximizes(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.optim.SGD.__init__.__kwdefaults__["maximize"] = True
        return super().attach(model, plan, context)
