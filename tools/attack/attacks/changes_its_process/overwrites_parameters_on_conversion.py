"""Let Module.to make new parameters."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"overwrite"


class OverwritesParametersOnConversion(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        return super().attach(model, plan, context)
