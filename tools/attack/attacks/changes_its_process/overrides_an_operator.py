"""Override the CPU kernel of an operator for the whole process."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"librar|kernel|operator"

LIBRARY = torch.library.Library("aten", "IMPL")


class OverridesAnOperator(ExemplarAdapter):
    def attach(self, model, plan, context):
        LIBRARY.impl("erfinv", lambda x: x, "CPU", allow_override=True) if not LIBRARY._op_impls else None
        return super().attach(model, plan, context)
