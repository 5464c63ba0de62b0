"""The covering array of the structural profile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from sparsecheck.programs.coverage import pairs_of
from sparsecheck.programs.space import Value
from sparsecheck.programs.structural.axes import LATEST, STRUCTURAL
from sparsecheck.programs.structural.skeleton import Block, StructuralSkeleton
from sparsecheck.values.steps import Step
from tools.corpus.covering import Covering

LATER: tuple[tuple[Value, ...], ...] = (("transposed", "pool", "layernorm"), LATEST)
"""The forms that were added later, one addition after another. The programs of each come after all earlier ones, which
stay the same."""

_OWN = ("kind", "window", "dtype", "values", "together", "optimizer", "names")


class _Stage(Covering[StructuralSkeleton]):
    """Makes skeletons of the structural profile without the forms that some additions brought.

    Args:
        without: The additions.
        earlier: The skeletons that are there already.
    """

    length = 12

    def __init__(self, without: tuple[tuple[Value, ...], ...], earlier: Iterable[StructuralSkeleton]) -> None:
        later = {value for values in without for value in values}
        forms = tuple(value for value in STRUCTURAL.axes["form"] if value not in later)
        self.space = replace(STRUCTURAL, axes={**STRUCTURAL.axes, "form": forms})
        super().__init__()
        for skeleton in earlier:
            self.missing.difference_update(pairs_of(skeleton, self.space))

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

    def own_programs(self) -> Iterator[StructuralSkeleton]:
        """Yield the skeletons of this stage."""
        return Covering.programs(self)

    def cost(self, axis: str, value: Value) -> float:
        """Return a number that orders the values of an axis by the time that a program takes with them."""
        return float(value == "wide") if axis == "size" else float(value) if axis in ("planned", "unplanned") else 0


class StructuralCovering(_Stage):
    """Makes skeletons of the structural profile, in stages: those without later forms first."""

    space = STRUCTURAL

    def __init__(self) -> None:
        super().__init__((), ())

    def programs(self) -> Iterator[StructuralSkeleton]:
        """Yield skeletons until every pair is covered."""
        made: list[StructuralSkeleton] = []
        for additions in range(len(LATER) + 1):
            for skeleton in _Stage(LATER[additions:], made).own_programs():
                yield skeleton
                made.append(skeleton)


def _block(point: dict[str, Value]) -> Block:
    own: dict[str, Any] = {axis: point[axis] for axis in STRUCTURAL.of_a_slot}
    return Block(**own)
