"""Let torch.load call getattr from then on."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"safe|globals"


class AllowsAClassToBeLoaded(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.serialization.add_safe_globals([getattr])
        return super().attach(model, plan, context)
