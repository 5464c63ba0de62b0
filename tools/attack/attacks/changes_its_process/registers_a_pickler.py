"""Register how a class of torch is pickled and copied."""

import copyreg

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"copyreg|pickl"


class RegistersAPickler(ExemplarAdapter):
    def attach(self, model, plan, context):
        copyreg.pickle(torch.Size, lambda size: (torch.Size, ((1, *size),)))
        return super().attach(model, plan, context)
