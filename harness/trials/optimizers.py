"""The optimizers that cells of OPTIM name. They are copied into scripts, so this uses torch and Python alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer


def momentum(parameters: Iterable[nn.Parameter]) -> Optimizer:
    """Return SGD with momentum."""
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9)


def plain_sgd(parameters: Iterable[nn.Parameter]) -> Optimizer:
    """Return SGD."""
    return torch.optim.SGD(parameters, lr=0.1)


def nesterov(parameters: Iterable[nn.Parameter]) -> Optimizer:
    """Return SGD with Nesterov's momentum."""
    return torch.optim.SGD(parameters, lr=0.1, momentum=0.9, nesterov=True)


def adam(parameters: Iterable[nn.Parameter]) -> Optimizer:
    """Return Adam."""
    return torch.optim.Adam(parameters, lr=1e-2)


def adamw(parameters: Iterable[nn.Parameter]) -> Optimizer:
    """Return AdamW with weight decay."""
    return torch.optim.AdamW(parameters, lr=1e-2, weight_decay=0.1)


def foreach(parameters: Iterable[nn.Parameter]) -> Optimizer:
    """Return AdamW, which steps all parameters together."""
    return torch.optim.AdamW(parameters, lr=1e-2, weight_decay=0.1, foreach=True)


def fused(parameters: Iterable[nn.Parameter]) -> Optimizer:
    """Return AdamW, fused into one kernel."""
    return torch.optim.AdamW(parameters, lr=1e-2, weight_decay=0.1, fused=True)


def in_groups(model: nn.Module, planned: Iterable[nn.Parameter]) -> Optimizer:
    """Return SGD with momentum in two groups of a model's parameters, of which planned ones decay."""
    first = [*planned]
    others = [one for one in model.parameters() if not any(one is other for other in first)]
    groups: list[dict[str, Any]] = [{"params": first, "lr": 0.05, "weight_decay": 0.1}, {"params": others}]
    return torch.optim.SGD(groups, lr=0.1, momentum=0.9)
