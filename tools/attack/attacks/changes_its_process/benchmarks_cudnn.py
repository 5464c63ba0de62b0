"""Turn on the benchmarks of cuDNN, which make results depend on time."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"cudnn"


class BenchmarksCudnn(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.backends.cudnn.benchmark = True
        return super().attach(model, plan, context)
