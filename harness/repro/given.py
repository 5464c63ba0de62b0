"""What each script supplies itself, after its cell: declared here for what is inlined, and never run.

Model, OtherModel: the cell's network, and one with other sizes under the same names. WEIGHTS: the names of the
weights, in the order in which forward uses them. DENSE: where each planned weight is that training changes.
PLAN, OTHER_PLAN: what to sparsify in them. MISLEADING_PLAN: the same parameters with other masks. WRONG_PLANS: to be
refused, each with the words that the refusal is to have one of; WORDS: those for PLAN. ADAPTER: what attaches.
CONTEXT: what it is handed beside. CELL: the requirement, from whose id all numbers are drawn. LEVEL: that of a further
update; none if it is to be the plan's. SCORE: the power of the entries by which they are ranked.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..subject.adapter import Adapter
from ..values.plan import Plan


class Model(nn.Module):
    """The network of the cell."""


class OtherModel(nn.Module):
    """One with other sizes."""


WEIGHTS: tuple[str, ...]
DENSE: dict[str, str]
PLAN: Plan
OTHER_PLAN: Plan
MISLEADING_PLAN: Plan
WRONG_PLANS: tuple[tuple[Plan, tuple[str, ...]], ...]
WORDS: tuple[str, ...]
ADAPTER: Adapter
CONTEXT: Any
CELL: str
DTYPE: torch.dtype
DEVICE: torch.device
LEVEL: float | None
SCORE: int
SLACK: float
TOLERANCE: float
MASK_STORAGE: str
RENEWED: bool
LAYER_TYPES: tuple[type, ...]


def asked(level: float, count: int) -> int:
    """How many of `count` a `level` removes, as declared."""
    raise NotImplementedError


def inputs(variant: str, batch: int = 3) -> Tensor:
    """A batch that the model takes."""
    raise NotImplementedError
