"""Strategies of hypothesis for structural skeletons. Each choice lists the simplest value first."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import strategies as st

from ...programs.structural.axes import LATEST
from ...programs.structural.offer import StructuralOffer
from ...programs.structural.skeleton import Block, StructuralSkeleton
from ...values import steps
from ...values.steps import Attach, Step
from .simplify import plainer, plainer_steps, with_part, without_parts, without_steps
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

LEVELS = (0.5, 0.25, 0.75, 0.3, 0.29, 0.7, 0.6, 0.9, 0.1, 0.01, 0.0)
"""The levels of plans and updates; none asks for all channels."""

MOST_BLOCKS = 3
"""The most blocks; each is one layer that a plan can name, and up to three others."""

_BLOCK = st.builds(
    Block,
    form=often("plain", "skip", "fanout", "concat", "depthwise", "transposed", "pool", "layernorm", *LATEST),
    size=st.sampled_from(("two", "small", "small", "prime", "wide")),
    level=often(*LEVELS),
    planned=seldom(False, True),
    bias=st.booleans(),
    norm=st.booleans(),
    relu=st.booleans(),
    frozen=seldom(True, False),
    evaluates=seldom(True, False),
)
_BEFORE: st.SearchStrategy[Step] = st.one_of(WRITE, MODE, FREEZE)
_UPDATE = updates(LEVELS, 6)
_BETWEEN = (
    *(_UPDATE,) * 4, TRAIN, TRAIN, WRITE, forwards("no_grad", "inference_mode"), BACKWARD, MODE, FREEZE, CAST, MEMORY,
    COPY, RESTORE, CALL_LAYER, FUNCTIONAL_CALL,
)


def programs(offer: StructuralOffer) -> st.SearchStrategy[StructuralSkeleton]:
    """Return a strategy for skeletons.

    Args:
        offer: What the sparsifier takes; at least one kind of layer.
    """
    return st.builds(
        StructuralSkeleton,
        blocks=st.lists(_BLOCK, min_size=1, max_size=MOST_BLOCKS).map(tuple),
        kind=st.integers(0, len(offer.patterns) - 1),
        flat=st.integers(0, MOST_BLOCKS - 1),
        window=st.booleans(),
        dtype=st.integers(0, len(offer.dtypes) - 1),
        values=often("distinct", "few", "zeros", "equal", "wide", "nan", "infinite", "subnormal"),
        together=seldom(True, False),
        optimizer=st.sampled_from(("sgd", "adam", "adamw")),
        names=often("plain", "prefixes", "attributes"),
        refused=st.sampled_from((*[""] * 12, "missing", "input_channel", "unstructured")),
        steps=lives(_BEFORE, st.builds(steps.Attach), _BETWEEN),
    )


_PLAIN = StructuralSkeleton(blocks=(Block(),), steps=(Attach(),))
_PLAIN_BLOCK = Block(size="two")


def simpler(skeleton: StructuralSkeleton) -> Iterator[StructuralSkeleton]:
    """Yield skeletons that differ in one thing, and are simpler."""
    yield from without_steps(skeleton)
    yield from without_parts(skeleton, "blocks")
    names = ("kind", "flat", "window", "dtype", "values", "together", "optimizer", "names", "refused")
    yield from plainer(skeleton, _PLAIN, names)
    for place, block in enumerate(skeleton.blocks):
        for changed in plainer(block, _PLAIN_BLOCK, block.__struct_fields__):
            yield with_part(skeleton, "blocks", place, changed)
    yield from plainer_steps(skeleton)
