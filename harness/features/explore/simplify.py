"""Simplify a skeleton step by step and layer by layer, after hypothesis has shrunk it as far as it may.

Hypothesis shrinks the choices that a program was drawn from, which takes many programs; leaving out one step or one
layer at a time takes few, and a program that people read must not have one too many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from msgspec.structs import replace

from ...values.skeleton import Skeleton, Slot
from ...values.steps import Attach

S = TypeVar("S")

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
    slots, steps = skeleton.slots, skeleton.steps
    for place in reversed(range(len(steps))):
        if not isinstance(steps[place], Attach):
            yield replace(skeleton, steps=steps[:place] + steps[place + 1:])
    for place in reversed(range(len(slots))):
        if len(slots) > 1:
            yield replace(skeleton, slots=slots[:place] + slots[place + 1:])
    for name in ("dtype", "values", "memory", "together", "optimizer", "names", "between", "again", "missing"):
        yield replace(skeleton, **{name: getattr(_PLAIN_SKELETON, name)})
    for place, slot in enumerate(slots):
        for simpler in _simpler_slots(slot):
            yield replace(skeleton, slots=(*slots[:place], simpler, *slots[place + 1:]))
    for place, step in enumerate(steps):
        yield replace(skeleton, steps=(*steps[:place], type(step)(), *steps[place + 1:]))


def _simpler_slots(slot: Slot) -> Iterator[Slot]:
    if slot.size != "two":
        yield replace(slot, size="two")
    for name in ("target", "pattern", "level", "bias", "sequence", "planned", "order", "frozen", "evaluates"):
        yield replace(slot, **{name: getattr(_PLAIN_SLOT, name)})
