"""Let torch.compile fall back to eager instead of raising."""

import torch
import torch._dynamo

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"dynamo|suppress_errors"


class SuppressesDynamoErrors(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch._dynamo.config.suppress_errors = True
        return super().attach(model, plan, context)
