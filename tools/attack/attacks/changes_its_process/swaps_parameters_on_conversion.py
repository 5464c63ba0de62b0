"""Let Module.to swap parameters instead of changing their data."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"swap"


class SwapsParametersOnConversion(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.__future__.set_swap_module_params_on_conversion(True)
        return super().attach(model, plan, context)
