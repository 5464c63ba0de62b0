"""Replace torch.linalg.norm, a builtin in a module of C."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A7"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"norm"


class NormOfLinalg(ExemplarAdapter):
    def attach(self, model, plan, context):
        inherited = torch.linalg.norm
        torch.linalg.norm = lambda *args, **kwargs: inherited(*args, **kwargs)
        return super().attach(model, plan, context)
