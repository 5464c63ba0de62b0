"""Turn off multithreading in backward."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"multithread|threads of autograd"


class TurnsOffMultithreadedAutograd(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.autograd.set_multithreading_enabled(False).__enter__()
        return super().attach(model, plan, context)
