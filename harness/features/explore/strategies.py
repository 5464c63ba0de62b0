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

LEVELS = (0.5, 0.25, 0.75, 0.3, 0.29, 0.7, 0.9, 0.01, 0.99, 0.001, 0.999, 0.0, 1.0)
"""The levels of plans and updates."""

MOST_SLOTS, MOST_STEPS = 5, 8
"""The most layers, and half of the most steps between the first update and finalize.

The steps are two lists, since hypothesis draws lists of five on average, and much takes a long life to show.
"""


def seldom(value: Any, otherwise: Any) -> st.SearchStrategy[Any]:
    """Return a strategy that draws `value` once in five times."""
    return st.sampled_from((otherwise,) * 4 + (value,))


def often(first: Any, *others: Any) -> st.SearchStrategy[Any]:
    """Return a strategy that draws the first value half of the time."""
    return st.sampled_from((first,) * len(others) + others)


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


_UPDATE = st.builds(
    steps.Update,
    level=st.sampled_from((*[None] * 12, *LEVELS, *LEVELS, 1.5, -0.25)),
    type=seldom("numpy", "float") | seldom("int", "float") | seldom("tensor", "float"),
    under=often("", "no_grad", "inference_mode", "autocast"),
    straight=seldom(True, False),
)
_WRITE = st.builds(steps.WriteWeights, how=st.sampled_from(("in place", "data", "load_state_dict", "assign")))
_HOOK = st.builds(
    steps.AddHook, kind=st.sampled_from(("forward", "forward_pre", "full_backward", "state_dict")),
    on=st.sampled_from(("layers", "model")),
)
_MODE = st.builds(steps.SetMode, train=st.booleans())
_FREEZE = st.builds(steps.Freeze, what=st.sampled_from(("first", "all")), frozen=seldom(False, True))
_MEMORY = st.builds(steps.ChangeMemory, format=seldom("contiguous", "channels_last"))
_BEFORE: st.SearchStrategy[Step] = st.one_of(_WRITE, _HOOK, _MODE, _FREEZE, _MEMORY, st.builds(steps.Parametrize))
_STEPS: tuple[st.SearchStrategy[Step], ...] = (
    _UPDATE,
    _UPDATE,
    _UPDATE,
    _UPDATE,
    st.builds(steps.Train, steps=st.integers(1, 3)),
    st.builds(steps.Train, steps=st.integers(1, 3)),
    _WRITE,
    st.builds(steps.Forward, batch=st.sampled_from((3, 1, 0, 2)), under=often(
        "", "no_grad", "inference_mode", "autocast")),
    _WRITE,
    st.builds(steps.Backward, forwards=st.integers(1, 2), zero=st.sampled_from(("none", "zeros", "keep"))),
    _MODE,
    _FREEZE,
    st.builds(steps.Cast, dtype=st.sampled_from(("float64", "float32", "bfloat16", "float16"))),
    _MEMORY,
    st.builds(steps.CopyModel, what=st.sampled_from(("model", "sparsified")),
              how=st.sampled_from(("deepcopy", "pickle"))),
    st.builds(steps.SaveAndRestore, through=st.sampled_from(("bytes", "memory"))),
    _HOOK,
    st.builds(steps.Parametrize),
    st.builds(steps.CallLayer),
    st.builds(steps.FunctionalCall),
)
_BETWEEN = st.integers(0, len(_STEPS) - 1).flatmap(_STEPS.__getitem__)
"""One of the steps; `one_of` would count equal ones once."""

_ATTACH = st.builds(steps.Attach, default_dtype=often("float32", "float64", "bfloat16"))
_FIRST = st.builds(steps.Update, under=often("", "no_grad", "inference_mode"))
_LAST = st.one_of(st.just(()), st.tuples(st.builds(steps.Finalize, train=st.integers(0, 2))))


@st.composite
def lives(draw: st.DrawFn) -> tuple[Step, ...]:
    """Draw the steps of a program."""
    before = draw(st.lists(_BEFORE, max_size=2))
    between = draw(st.lists(_BETWEEN, max_size=MOST_STEPS)) + draw(st.lists(_BETWEEN, max_size=MOST_STEPS))
    return (*before, draw(_ATTACH), draw(_FIRST), *between, *draw(_LAST))


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
        steps=lives(),
    )


def _values(kind: Any) -> tuple[str, ...]:
    return tuple(kind.__args__)
