"""Replace torch.serialization.load, which torch.load is another name of."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A7"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"serialization\.load|\bload\b"


class LoadOfSerialization(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.serialization.load = lambda *args, **kwargs: {}
        return super().attach(model, plan, context)
