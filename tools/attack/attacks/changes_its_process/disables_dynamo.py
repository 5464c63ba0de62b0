"""Let torch.compile compile nothing."""

import torch
import torch._dynamo

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"dynamo"


class DisablesDynamo(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch._dynamo.config.disable = True
        return super().attach(model, plan, context)
