"""The covering array of the structural profile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sparsecheck.programs.coverage import pairs_of
from sparsecheck.programs.space import Value
from sparsecheck.programs.structural.axes import STRUCTURAL
from sparsecheck.programs.structural.skeleton import Block, StructuralSkeleton
from sparsecheck.values.steps import Step
from tools.corpus.covering import Covering

LATER: dict[str, tuple[Value, ...]] = {"form": ("transposed", "pool", "layernorm")}
"""The values that were added to an axis later. Programs at the end cover them, so that earlier ones stay the same."""

_OWN = ("kind", "window", "dtype", "values", "together", "optimizer", "names")


class _EarlierCovering(Covering[StructuralSkeleton]):
    """Makes skeletons of the structural profile that have none of the later values."""

    space = replace(STRUCTURAL, axes={
        axis: tuple(value for value in values if value not in LATER.get(axis, ()))
        for axis, values in STRUCTURAL.axes.items()
    })
    length = 12

    def skeleton(self, point: dict[str, Value], steps: tuple[Step, ...]) -> StructuralSkeleton:
        """Return a skeleton, in which an unplanned block is the second; networks are flat after their first block."""
        same = {"level": point["level"]} if point["together"] else {}
        others = [_block(self.other(same, {"size": "wide"})) for _ in range(int(point["planned"]) - 1)]
        beside = [Block(size="two", planned=False, bias=True)] if point["unplanned"] else []
        own: dict[str, Any] = {name: point[name] for name in _OWN}
        return StructuralSkeleton(
            blocks=(_block(point), *beside, *others), steps=steps, flat=int(point["flat"]),
            **own,
        )

    def cost(self, axis: str, value: Value) -> float:
        """Return a number that orders the values of an axis by the time that a program takes with them."""
        return float(value == "wide") if axis == "size" else float(value) if axis in ("planned", "unplanned") else 0


class StructuralCovering(_EarlierCovering):
    """Makes skeletons of the structural profile: those without the later values first."""

    space = STRUCTURAL

    def programs(self) -> Iterator[StructuralSkeleton]:
        """Yield skeletons until every pair is covered."""
        for skeleton in _EarlierCovering().programs():
            self.missing.difference_update(pairs_of(skeleton, self.space))
            yield skeleton
        yield from super().programs()


def _block(point: dict[str, Value]) -> Block:
    own: dict[str, Any] = {axis: point[axis] for axis in STRUCTURAL.of_a_slot}
    return Block(**own)
