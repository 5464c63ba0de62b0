"""Widen the table of tolerances in place."""

from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter
from sparsecheck.oracle import tolerance

LINE = "A10"
EXIT = (1, 3)
JUDGED = "--requirement MASK-02"
SAYS = r"output-differs|toleranc"


class Biased(Exemplar):
    def __init__(self, model, plan, contract):
        super().__init__(model, plan, contract)
        model.register_forward_hook(lambda module, args, output: output * 1.01)


class WidensATolerance(ExemplarAdapter):
    sparsified = Biased

    def attach(self, model, plan, context):
        for value in vars(tolerance).values():
            if isinstance(value, dict):
                for key, one in list(value.items()):
                    if isinstance(one, tolerance.Tolerance):
                        value[key] = tolerance.Tolerance(*[1e9] * len(one.__match_args__))
        return super().attach(model, plan, context)
