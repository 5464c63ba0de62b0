"""Turn off oneDNN."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"mkldnn|onednn"


class TurnsOffMkldnn(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch._C._set_mkldnn_enabled(False)
        return super().attach(model, plan, context)
