"""Set the default device to the one that it is: every call of torch then goes through a mode."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"default device|mode"


class ChangesTheDefaultDevice(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.set_default_device("cpu")
        return super().attach(model, plan, context)
