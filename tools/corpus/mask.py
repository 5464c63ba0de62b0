"""The covering array of the mask profile."""

from __future__ import annotations

from typing import Any

from sparsecheck.programs.axes import MASK
from sparsecheck.programs.space import Value
from sparsecheck.values.skeleton import Skeleton, Slot
from sparsecheck.values.steps import Step
from tools.corpus.covering import Covering

_OWN = ("values", "memory", "together", "optimizer", "names", "between", "again", "dtype")


class MaskCovering(Covering[Skeleton]):
    """Makes skeletons of the mask profile."""

    space = MASK
    length = 10

    def skeleton(self, point: dict[str, Value], steps: tuple[Step, ...]) -> Skeleton:
        """Return a skeleton; layers after the first are not large, which costs too much."""
        count = int(point["planned"])
        same = {axis: point[axis] for axis in ("pattern", "level") if point["together"]}
        others = [_slot(self.other(same, {"size": "large"})) for _ in range(count - 1)]
        beside = [Slot(size=_slot(self.other(same, {"size": "large"})).size, planned=False, bias=True)] \
            if point["unplanned"] else []
        own: dict[str, Any] = {name: point[name] for name in _OWN}
        return Skeleton(
            slots=(_slot(point), *others, *beside), steps=steps,
            **own,
        )

    def cost(self, axis: str, value: Value) -> float:
        """Return a number that orders the values of an axis by the time that a program takes with them."""
        if axis == "size":
            return ("wide", "large").index(value) + 1 if value in ("wide", "large") else 0
        return float(value) if axis in ("planned", "unplanned", "again") else 0


def _slot(point: dict[str, Value]) -> Slot:
    own: dict[str, Any] = {axis: point[axis] for axis in MASK.of_a_slot}
    return Slot(**own)
