"""Set the fields of the frozen tolerances with object.__setattr__, where they let it."""

import gc
from contextlib import suppress

from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter
from sparsecheck.oracle.tolerance import Tolerance

LINE = "A10"
EXIT = (1, 3)
JUDGED = "--requirement MASK-02"
SAYS = r"output-differs"


class Biased(Exemplar):
    def __init__(self, model, plan, contract):
        super().__init__(model, plan, contract)
        model.register_forward_hook(lambda module, args, output: output * 1.01)


class SetsATolerance(ExemplarAdapter):
    sparsified = Biased

    def attach(self, model, plan, context):
        for one in gc.get_objects():
            if type(one) is Tolerance:
                for field in one._fields:
                    with suppress(AttributeError):
                        object.__setattr__(one, field, 1e9)
        return super().attach(model, plan, context)
