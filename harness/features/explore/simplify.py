"""Simplify a skeleton step by step and layer by layer, after hypothesis has shrunk it as far as it may.

Hypothesis shrinks the choices that a program was drawn from, which takes many programs; leaving out one step or one
layer at a time takes few, and a program that people read must not have one too many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from ...programs.structural.skeleton import StructuralSkeleton
from ...values.skeleton import Skeleton, Slot
from ...values.steps import Attach

S = TypeVar("S", bound=Struct)
K = TypeVar("K", Skeleton, StructuralSkeleton)

_PLAIN_SKELETON = Skeleton(slots=(Slot(),), steps=(Attach(),))
_PLAIN_SLOT = Slot()


def simplified(skeleton: S, fails: Callable[[S], bool], simpler: Callable[[S], Iterator[S]]) -> S:
    """Return a skeleton that still fails, and of which no simpler one does.

    Args:
        skeleton: A skeleton that fails.
        fails: Returns whether a skeleton fails in the same way.
        simpler: Yields skeletons that differ from one in one thing, and are simpler.
    """
    while True:
        for other in simpler(skeleton):
            if other != skeleton and fails(other):
                skeleton = other
                break
        else:
            return skeleton


def simpler(skeleton: Skeleton) -> Iterator[Skeleton]:
    """Yield skeletons that differ in one thing, and are simpler."""
    yield from without_steps(skeleton)
    yield from without_parts(skeleton, "slots")
    names = ("dtype", "values", "memory", "together", "optimizer", "names", "between", "again", "missing")
    yield from plainer(skeleton, _PLAIN_SKELETON, names)
    for place, slot in enumerate(skeleton.slots):
        for changed in _simpler_slots(slot):
            yield with_part(skeleton, "slots", place, changed)
    yield from plainer_steps(skeleton)


def _simpler_slots(slot: Slot) -> Iterator[Slot]:
    if slot.size != "two":
        yield replace(slot, size="two")
    names = ("target", "pattern", "level", "bias", "sequence", "planned", "order", "frozen", "evaluates")
    yield from plainer(slot, _PLAIN_SLOT, names)


# ----------------------------------------------------------------- of any profile


def without_steps(skeleton: K) -> Iterator[K]:
    """Yield skeletons without one of the steps, the last one first; attach stays."""
    steps = skeleton.steps
    for place in reversed(range(len(steps))):
        if not isinstance(steps[place], Attach):
            yield replace(skeleton, steps=steps[:place] + steps[place + 1:])


def without_parts(skeleton: S, name: str) -> Iterator[S]:
    """Yield skeletons without one of the layers or blocks, the last one first; one stays.

    Args:
        skeleton: The skeleton.
        name: The name of the field that has them.
    """
    parts = getattr(skeleton, name)
    for place in reversed(range(len(parts))):
        if len(parts) > 1:
            yield replace(skeleton, **{name: parts[:place] + parts[place + 1:]})


def with_part(skeleton: S, name: str, place: int, part: Struct) -> S:
    """Return a skeleton with another layer or block at one place."""
    parts = getattr(skeleton, name)
    return replace(skeleton, **{name: (*parts[:place], part, *parts[place + 1:])})


def plainer(value: S, plain: S, names: Iterable[str]) -> Iterator[S]:
    """Yield values that have one field of the plainest one."""
    for name in names:
        yield replace(value, **{name: getattr(plain, name)})


def plainer_steps(skeleton: K) -> Iterator[K]:
    """Yield skeletons with one of the steps as it is by default."""
    for place, step in enumerate(skeleton.steps):
        yield with_part(skeleton, "steps", place, type(step)())
