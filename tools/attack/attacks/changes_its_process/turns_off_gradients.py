"""Turn off gradients for good."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"grad mode"


class TurnsOffGradients(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.set_grad_enabled(False)
        return super().attach(model, plan, context)
