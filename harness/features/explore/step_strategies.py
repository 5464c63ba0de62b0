"""Strategies of hypothesis that the programs of every profile share: steps, and their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from ...values import steps
from ...values.steps import Step

MOST_STEPS = 8
"""Half of the most steps between the first update and finalize.

The steps are two lists, since hypothesis draws lists of five on average, and much takes a long life to show.
"""


def seldom(value: Any, otherwise: Any) -> st.SearchStrategy[Any]:
    """Return a strategy that draws `value` once in five times."""
    return st.sampled_from((otherwise,) * 4 + (value,))


def often(first: Any, *others: Any) -> st.SearchStrategy[Any]:
    """Return a strategy that draws the first value half of the time."""
    return st.sampled_from((first,) * len(others) + others)


def updates(levels: Sequence[float], plain: int, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    """Return a strategy for updates.

    Args:
        levels: The legal levels, each of which is drawn twice as often as an illegal one.
        plain: How much more often than an illegal level none is given.
        fields: Strategies for further attributes of the step.
    """
    return st.builds(
        steps.Update,
        level=st.sampled_from((*[None] * plain, *levels, *levels, 1.5, -0.25)),
        type=seldom("numpy", "float") | seldom("int", "float") | seldom("tensor", "float"),
        under=often("", "no_grad", "inference_mode", "autocast"),
        **fields,
    )


WRITE: st.SearchStrategy[Step] = st.builds(
    steps.WriteWeights, how=st.sampled_from(("in place", "data", "load_state_dict", "assign"))
)
MODE: st.SearchStrategy[Step] = st.builds(steps.SetMode, train=st.booleans())
FREEZE: st.SearchStrategy[Step] = st.builds(
    steps.Freeze, what=st.sampled_from(("first", "all")), frozen=seldom(False, True)
)
MEMORY: st.SearchStrategy[Step] = st.builds(steps.ChangeMemory, format=seldom("contiguous", "channels_last"))
TRAIN: st.SearchStrategy[Step] = st.builds(steps.Train, steps=st.integers(1, 3))
BACKWARD: st.SearchStrategy[Step] = st.builds(
    steps.Backward, forwards=st.integers(1, 2), zero=st.sampled_from(("none", "zeros", "keep"))
)
CAST: st.SearchStrategy[Step] = st.builds(
    steps.Cast, dtype=st.sampled_from(("float64", "float32", "bfloat16", "float16"))
)
COPY: st.SearchStrategy[Step] = st.builds(
    steps.CopyModel, what=st.sampled_from(("model", "sparsified")), how=st.sampled_from(("deepcopy", "pickle"))
)
RESTORE: st.SearchStrategy[Step] = st.builds(steps.SaveAndRestore, through=st.sampled_from(("bytes", "memory")))
CALL_LAYER: st.SearchStrategy[Step] = st.builds(steps.CallLayer)
FUNCTIONAL_CALL: st.SearchStrategy[Step] = st.builds(steps.FunctionalCall)

_FIRST = st.builds(steps.Update, under=often("", "no_grad", "inference_mode"))
_LAST = st.one_of(st.just(()), st.tuples(st.builds(steps.Finalize, train=st.integers(0, 2))))


def forwards(*under: str) -> st.SearchStrategy[Step]:
    """Return a strategy for forwards under no mode, or under one of some modes."""
    return st.builds(steps.Forward, batch=st.sampled_from((3, 1, 0, 2)), under=often("", *under))


@st.composite
def lives(
    draw: st.DrawFn, before: st.SearchStrategy[Step], attach: st.SearchStrategy[Step],
    between: Sequence[st.SearchStrategy[Step]],
) -> tuple[Step, ...]:
    """Draw the steps of a program.

    Args:
        draw: Draws from a strategy.
        before: What a user does to the dense model.
        attach: The step that attaches.
        between: What happens after the first update, each as often as any other.
    """
    one = st.integers(0, len(between) - 1).flatmap(between.__getitem__)  # `one_of` would count equal ones once
    earlier = draw(st.lists(before, max_size=2))
    later = draw(st.lists(one, max_size=MOST_STEPS)) + draw(st.lists(one, max_size=MOST_STEPS))
    return (*earlier, draw(attach), draw(_FIRST), *later, *draw(_LAST))
