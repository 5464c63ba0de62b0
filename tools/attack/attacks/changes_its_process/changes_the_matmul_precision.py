"""Lower the precision of float32 matrix products."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"matmul|precision|TF32"


class ChangesTheMatmulPrecision(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.set_float32_matmul_precision("medium")
        return super().attach(model, plan, context)
