"""Turn off cuDNN."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"cudnn"


class TurnsOffCudnn(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.backends.cudnn.enabled = False
        return super().attach(model, plan, context)
