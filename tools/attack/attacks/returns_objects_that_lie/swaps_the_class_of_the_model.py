"""Change the class of the returned model to one whose forward is right for the probe of the case only."""

import sys

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A11"
EXIT = (1, 3)
JUDGED = "--requirement MASK-02 --requirement REG-13"
SAYS = r"output-differs|type|class|module|forward"


class SwapsTheClass(ExemplarAdapter):
    def attach(self, model, plan, context):
        sparsified = super().attach(model, plan, context)
        right = type(model)

        class Other(right):
            def __call__(self, *args, **kwargs):
                output = super().__call__(*args, **kwargs)
                asked = sys._getframe(1).f_code.co_name
                return output if "used" in asked or "read" in asked else output * 1.01

        sparsified.model.__class__ = Other
        return sparsified
