"""Turn on autocast on the CPU for good."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"autocast"


class TurnsOnAutocast(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.set_autocast_enabled("cpu", True)
        return super().attach(model, plan, context)
