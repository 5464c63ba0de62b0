"""Strategies of hypothesis for structural skeletons. Each choice lists the simplest value first."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import strategies as st
from msgspec.structs import replace

from ...programs.structural.offer import StructuralOffer
from ...programs.structural.skeleton import Block, StructuralSkeleton
from ...values import steps
from ...values.steps import Attach, Step
from .strategies import MOST_STEPS, often, seldom

LEVELS = (0.5, 0.25, 0.75, 0.3, 0.29, 0.7, 0.6, 0.9, 0.1, 0.01, 0.0)
"""The levels of plans and updates; none asks for all channels."""

MOST_BLOCKS = 3
"""The most blocks; each is one layer that a plan can name, and up to three others."""

_BLOCK = st.builds(
    Block,
    form=often("plain", "skip", "fanout", "concat", "depthwise"),
    size=st.sampled_from(("two", "small", "small", "prime", "wide")),
    level=often(*LEVELS),
    planned=seldom(False, True),
    bias=st.booleans(),
    norm=st.booleans(),
    relu=st.booleans(),
    frozen=seldom(True, False),
    evaluates=seldom(True, False),
)
_UPDATE = st.builds(
    steps.Update,
    level=st.sampled_from((*[None] * 6, *LEVELS, *LEVELS, 1.5, -0.25)),
    type=seldom("numpy", "float") | seldom("int", "float") | seldom("tensor", "float"),
    under=often("", "no_grad", "inference_mode", "autocast"),
)
_WRITE = st.builds(steps.WriteWeights, how=st.sampled_from(("in place", "data", "load_state_dict", "assign")))
_MODE = st.builds(steps.SetMode, train=st.booleans())
_FREEZE = st.builds(steps.Freeze, what=st.sampled_from(("first", "all")), frozen=seldom(False, True))
_BEFORE: st.SearchStrategy[Step] = st.one_of(_WRITE, _MODE, _FREEZE)
_TRAIN = st.builds(steps.Train, steps=st.integers(1, 3))
_STEPS: tuple[st.SearchStrategy[Step], ...] = (
    _UPDATE,
    _UPDATE,
    _UPDATE,
    _UPDATE,
    _TRAIN,
    _TRAIN,
    _WRITE,
    st.builds(steps.Forward, batch=st.sampled_from((3, 1, 0, 2)), under=often("", "no_grad", "inference_mode")),
    st.builds(steps.Backward, forwards=st.integers(1, 2), zero=st.sampled_from(("none", "zeros", "keep"))),
    _MODE,
    _FREEZE,
    st.builds(steps.Cast, dtype=st.sampled_from(("float64", "float32", "bfloat16", "float16"))),
    st.builds(steps.ChangeMemory, format=seldom("contiguous", "channels_last")),
    st.builds(steps.CopyModel, what=st.sampled_from(("model", "sparsified")),
              how=st.sampled_from(("deepcopy", "pickle"))),
    st.builds(steps.SaveAndRestore, through=st.sampled_from(("bytes", "memory"))),
    st.builds(steps.CallLayer),
    st.builds(steps.FunctionalCall),
)
_BETWEEN = st.integers(0, len(_STEPS) - 1).flatmap(_STEPS.__getitem__)
_FIRST = st.builds(steps.Update, under=often("", "no_grad", "inference_mode"))
_LAST = st.one_of(st.just(()), st.tuples(st.builds(steps.Finalize, train=st.integers(0, 2))))


@st.composite
def _lives(draw: st.DrawFn) -> tuple[Step, ...]:
    """Draw the steps of a program."""
    before = draw(st.lists(_BEFORE, max_size=2))
    between = draw(st.lists(_BETWEEN, max_size=MOST_STEPS)) + draw(st.lists(_BETWEEN, max_size=MOST_STEPS))
    return (*before, steps.Attach(), draw(_FIRST), *between, *draw(_LAST))


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
        steps=_lives(),
    )


_PLAIN = StructuralSkeleton(blocks=(Block(),), steps=(Attach(),))
_PLAIN_BLOCK = Block(size="two")


def simpler(skeleton: StructuralSkeleton) -> Iterator[StructuralSkeleton]:
    """Yield skeletons that differ in one thing, and are simpler."""
    blocks, taken = skeleton.blocks, skeleton.steps
    for place in reversed(range(len(taken))):
        if not isinstance(taken[place], Attach):
            yield replace(skeleton, steps=taken[:place] + taken[place + 1:])
    for place in reversed(range(len(blocks))):
        if len(blocks) > 1:
            yield replace(skeleton, blocks=blocks[:place] + blocks[place + 1:])
    for name in ("kind", "flat", "window", "dtype", "values", "together", "optimizer", "names", "refused"):
        yield replace(skeleton, **{name: getattr(_PLAIN, name)})
    for place, block in enumerate(blocks):
        for name in block.__struct_fields__:
            changed = replace(block, **{name: getattr(_PLAIN_BLOCK, name)})
            yield replace(skeleton, blocks=(*blocks[:place], changed, *blocks[place + 1:]))
    for place, step in enumerate(taken):
        yield replace(skeleton, steps=(*taken[:place], type(step)(), *taken[place + 1:]))
