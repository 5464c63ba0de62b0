"""Turn off the profiling executor of the JIT."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"executor|jit"


class ChangesTheJitExecutor(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch._C._jit_set_profiling_executor(False)
        return super().attach(model, plan, context)
