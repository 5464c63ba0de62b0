"""Set the dtype of the frozen cell of the trial, which decides the tolerance."""

import sys

from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter

LINE = "A10"
EXIT = (1, 3)
JUDGED = "--requirement MASK-02"
SAYS = r"output-differs|cell"


class Biased(Exemplar):
    def __init__(self, model, plan, contract):
        super().__init__(model, plan, contract)
        model.register_forward_hook(lambda module, args, output: output * 1.001)


class EditsTheCell(ExemplarAdapter):
    sparsified = Biased

    def attach(self, model, plan, context):
        frame = sys._getframe()
        while frame is not None:
            trial = frame.f_locals.get("trial") or frame.f_locals.get("self")
            if type(trial).__name__ == "Trial":
                object.__setattr__(trial.cell, "dtype", "bfloat16")
            frame = frame.f_back
        return super().attach(model, plan, context)
