"""What each script supplies itself, after its cell. Here stand examples of the right types, which nothing judges by.

CELL: the requirement, from whose id all numbers are drawn. Model, OtherModel: the cell's network, and one with other
sizes under the same names. WEIGHTS: the names of the weights, in the order in which forward uses them. DENSE: where
each planned weight is that training changes. PLAN, OTHER_PLAN: what to sparsify in the two. MISLEADING_PLAN: the same
parameters as PLAN, with other masks. WRONG_PLANS: to be refused, each with words of which the refusal is to have one;
WORDS: those for PLAN. ADAPTER: what attaches. CONTEXT: what it is handed beside. LEVEL: that of a further update, or
the plan's. SCORE: the power of an entry by which it is ranked. SLACK: how far two sums may be apart and tie.
RENEWED: whether masks come with an update after a restore. MONOTONE: whether what is removed stays so.
BEFORE: the functions of torch, by what they are functions of, before the package was imported.
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


def asked(level: float, count: int) -> int:
    """How many of `count` a `level` removes, as declared."""
    raise NotImplementedError


def inputs(variant: str, batch: int = 3) -> Tensor:
    """A batch that the model takes."""
    raise NotImplementedError
