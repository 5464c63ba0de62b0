"""Turn on anomaly detection for good."""

import torch

from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

LINE = "A8"
EXIT = (1, 3)
SLOW = True
JUDGED = "--requirement MASK-19 --requirement MASK-01"
SAYS = r"anomaly"


class TurnsOnAnomalyDetection(ExemplarAdapter):
    def attach(self, model, plan, context):
        torch.autograd.set_detect_anomaly(True)
        return super().attach(model, plan, context)
