"""Add a class to those that torch.load(weights_only=True) accepts: a later saved state with it loads."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"safe|globals"


class Keeps:
    """A class of its own."""


class AllowsAClassToBeLoaded(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.serialization.add_safe_globals([Keeps])
        return super().attach(model, plan, context)
