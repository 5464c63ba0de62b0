"""Replace torch.export.export in the module that defines it."""

import torch
import torch.export

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A7"
EXIT = (1, 3)
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"export"


class FunctionInASubmodule(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.export.export = lambda *args, **kwargs: None
        return super().attach(model, plan, context)
