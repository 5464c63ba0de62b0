"""Register default hooks on saved tensors, which see and may change what backward uses."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"saved.tensor"


class HooksSavedTensors(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch._C._autograd._push_saved_tensors_default_hooks(lambda x: x, lambda x: x)
        return super().attach(model, plan, context)
