"""Strategies of hypothesis for skeletons. Each choice lists the simplest value first, since shrinking prefers it."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ...programs.offer import Offer
from ...values import skeleton as skeletons
from ...values import steps
from ...values.skeleton import Skeleton, Slot
from ...values.steps import Step
from .drawn import Drawn, relations_of
from .step_strategies import (
    BACKWARD,
    CALL_LAYER,
    CAST,
    COPY,
    FREEZE,
    FUNCTIONAL_CALL,
    MEMORY,
    MODE,
    RESTORE,
    TRAIN,
    WRITE,
    forwards,
    lives,
    often,
    seldom,
    updates,
)

LEVELS = (0.5, 0.25, 0.75, 0.3, 0.29, 0.7, 0.9, 0.01, 0.99, 0.001, 0.999, 0.0, 1.0)
"""The levels of plans and updates."""

MOST_SLOTS = 5
"""The most layers."""


def slots(offer: Offer) -> st.SearchStrategy[Slot]:
    """Return a strategy for the layers, and the parameters that are planned."""
    most = max(map(len, offer.patterns.values()))
    return st.builds(
        Slot,
        target=st.integers(0, len(offer.patterns) - 1),
        pattern=st.integers(0, most - 1),
        size=st.sampled_from(("two", "small", "small", "prime", "narrow", "one", "wide", "large")),
        level=often(*LEVELS),
        bias=seldom(True, False),
        sequence=seldom(True, False),
        planned=seldom(False, True),
        order=seldom("F", "C"),
        frozen=seldom(True, False),
        evaluates=seldom(True, False),
    )


_HOOK = st.builds(
    steps.AddHook, kind=st.sampled_from(("forward", "forward_pre", "full_backward", "state_dict")),
    on=st.sampled_from(("layers", "model")),
)
_PARAMETRIZE = st.builds(steps.Parametrize)
_ATTACH = st.builds(steps.Attach, default_dtype=often("float32", "float64", "bfloat16"))
_BEFORE: st.SearchStrategy[Step] = st.one_of(WRITE, _HOOK, MODE, FREEZE, MEMORY, _PARAMETRIZE)
_UPDATE = updates(LEVELS, 12, straight=seldom(True, False))
_BETWEEN = (
    *(_UPDATE,) * 4, TRAIN, TRAIN, WRITE, forwards("no_grad", "inference_mode", "autocast"), WRITE, BACKWARD, MODE,
    FREEZE, CAST, MEMORY, COPY, RESTORE, _HOOK, _PARAMETRIZE, CALL_LAYER, FUNCTIONAL_CALL,
)


def draws(offer: Offer) -> st.SearchStrategy[Drawn]:
    """Return a strategy for skeletons, every sixth with a relation.

    Args:
        offer: What the sparsifier takes; at least one target.
    """
    names = relations_of(offer)
    return st.builds(Drawn, skeleton=programs(offer), relation=st.sampled_from(("",) * 5 * len(names) + names))


def programs(offer: Offer) -> st.SearchStrategy[Skeleton]:
    """Return a strategy for skeletons.

    Args:
        offer: What the sparsifier takes; at least one target.
    """
    return st.builds(
        Skeleton,
        slots=st.lists(slots(offer), min_size=1, max_size=MOST_SLOTS).map(tuple),
        dtype=st.integers(0, len(offer.dtypes) - 1),
        values=often("distinct", "few", "zeros", "equal", "nan", "infinite", "subnormal", "wide"),
        memory=often("contiguous", "channels_last", "transposed", "expanded"),
        together=st.booleans(),
        optimizer=st.sampled_from(("sgd", "adam", "adamw")),
        names=often(*_values(skeletons.Names)),
        between=often(*_values(skeletons.Between)),
        again=seldom(True, False),
        missing=st.sampled_from((False,) * 15 + (True,)),
        steps=lives(_BEFORE, _ATTACH, _BETWEEN),
    )


def _values(kind: Any) -> tuple[str, ...]:
    return tuple(kind.__args__)
