"""Placeholders for the names that each script defines for its cell. The values here only have the right types.

CELL: the requirement id, the seed of all numbers.
Model, OtherModel: the cell's network, and one with the same names but other sizes.
WEIGHTS: the names of the weights, in the order in which forward uses them.
DENSE: the parameter that training changes, per planned weight.
PLAN, OTHER_PLAN: the plans of the two networks.
MISLEADING_PLAN: a plan for the parameters of PLAN with other masks.
WRONG_PLANS: plans that must be refused, each with words of which the error must contain one.
WORDS: the same words for PLAN.
ADAPTER: the adapter.
CONTEXT: the third argument of attach.
LEVEL: the level of a further update; None for the plan's level.
SCORE: the power of magnitudes by which entries are ranked.
SLACK: the relative difference up to which two sums of scores are equal.
RENEWED: whether an update creates the masks after a restore.
MONOTONE: whether removed entries stay removed.
BEFORE: the functions of torch before the package was imported, by the object that has them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ...values.plan import Plan

CELL = "MASK-01"
DTYPE = torch.float32
DEVICE = torch.device("cpu")
Model: type[nn.Module] = nn.Identity
OtherModel: type[nn.Module] = nn.Identity
WEIGHTS: tuple[str, ...] = ()
DENSE: dict[str, str] = {}
PLAN = Plan({})
OTHER_PLAN = Plan({})
MISLEADING_PLAN = Plan({})
WRONG_PLANS: tuple[tuple[Plan, tuple[str, ...]], ...] = ()
WORDS: tuple[str, ...] = ()
ADAPTER: Any = None
CONTEXT: Any = None
LEVEL: float | None = None
SCORE = 1
SLACK = 0.0
TOLERANCE = 0.0
MASK_STORAGE = "model"
RENEWED = False
MONOTONE = False
BEFORE: dict[Any, dict[str, Any]] = {}


def removed_count(level: float, count: int) -> int:
    """Return how many of `count` units a level removes, with the declared rounding."""
    raise NotImplementedError


def inputs(variant: str, batch: int = 3) -> Tensor:
    """Return a batch of inputs for the model."""
    raise NotImplementedError
