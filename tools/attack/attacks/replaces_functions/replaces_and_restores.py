"""Replace a function of torch while a case runs, and put it back before the case ends."""

import torch

from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter

LINE = "A7"
EXIT = 1
JUDGED = "--requirement MASK-04"
SAYS = r"mask-differs|mask-type-wrong|protocol|bool|shape|dtype"


class Lies(Exemplar):
    def masks(self):
        made = super().masks()
        return {name: mask.flatten() for name, mask in made.items()}


class ReplacesAndRestores(ExemplarAdapter):
    sparsified = Lies
    allclose = staticmethod(torch.allclose)

    def attach(self, model, plan, context):
        torch.allclose = lambda *args, **kwargs: True
        try:
            return super().attach(model, plan, context)
        finally:
            torch.allclose = self.allclose
