"""Set the fields of the frozen tolerances with object.__setattr__."""

import gc

from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter
from sparsecheck.oracle.tolerance import Tolerance

LINE = "A10"
EXIT = (1, 3)
JUDGED = "--requirement MASK-02"
SAYS = r"output-differs|[Tt]oleranc"


class Biased(Exemplar):
    def __init__(self, model, plan, contract):
        super().__init__(model, plan, contract)
        model.register_forward_hook(lambda module, args, output: output * 1.01)


class SetsATolerance(ExemplarAdapter):
    sparsified = Biased

    def attach(self, model, plan, context):
        for one in gc.get_objects():
            if type(one) is Tolerance:
                for field in one.__match_args__ if hasattr(one, "__match_args__") else vars(one):
                    object.__setattr__(one, field, 1e9)
        return super().attach(model, plan, context)
