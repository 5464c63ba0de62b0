"""Flush denormal numbers to zero."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"denormal"


class FlushesDenormals(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.set_flush_denormal(True)
        return super().attach(model, plan, context)
