"""Compute rightly without gradients only: with gradients, forward uses the dense weight."""

import torch

from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter, Keep

LINE = "A11"
EXIT = 1
JUDGED = "--requirement MASK-26 --requirement TRAIN-01"
SAYS = r"differs|removed|plan-not-applied|SMOKE"


class Sometimes(Keep):
    def forward(self, weight):
        return weight if torch.is_grad_enabled() else super().forward(weight)


class OnlyWithoutGradients(Exemplar):
    keep = Sometimes


class RightInEvaluation(ExemplarAdapter):
    sparsified = OnlyWithoutGradients
