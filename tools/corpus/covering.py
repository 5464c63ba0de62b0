"""Make a covering array of skeletons, greedily, as AETG does: many candidates, and the one with most new pairs wins."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import TypeVar

from sparsecheck.programs.axes import (
    AFTER_UPDATE,
    AXES,
    BEFORE_ATTACH,
    LAST,
    OF_A_SLOT,
    STEPS,
    UPDATES,
    Value,
    neighbours,
)
from sparsecheck.programs.coverage import STEP, THEN, Pair, coverage, every_pair, excluded_by, pairs_of
from sparsecheck.values.skeleton import Skeleton, Slot
from sparsecheck.values.steps import Attach, Step

SEED = 26
CANDIDATES = 8
"""The number of candidates for each program."""

LENGTH = 10
"""The number of steps that a program has, unless finalize ends it earlier."""

T = TypeVar("T")
_PLACE = {axis: place for place, axis in enumerate((*AXES, STEP, THEN))}


class Covering:
    """A covering array in the making; the same every time.

    Attributes:
        missing: The pairs that are possible and not covered yet.
    """

    def __init__(self) -> None:
        self.missing = set(coverage(()).possible)
        self._between_values = [pair for pair in every_pair() if pair.one[0] in AXES]
        self._draw = random.Random(SEED)  # of which only `random` is the same on every Python
        self._used = Counter[tuple[str, Value]]()

    def programs(self) -> Iterator[Skeleton]:
        """Yield skeletons until every pair is covered."""
        while self.missing:
            made = max((self._candidate() for _ in range(CANDIDATES)), key=self._gain)
            skeleton = self._skeleton(*made)
            new = self.missing.intersection(pairs_of(skeleton))
            assert new, f"no program covers {sorted(map(str, self.missing))[:3]}"
            self.missing -= new
            yield skeleton

    # ------------------------------------------------------------- one candidate

    def _candidate(self) -> tuple[dict[str, Value], tuple[str, ...]]:
        point = self._point()
        return point, tuple(self._kinds(point))

    def _gain(self, made: tuple[dict[str, Value], tuple[str, ...]]) -> int:
        point, kinds = made
        return len(self.missing.intersection(_pairs(point, kinds)))

    def _point(self) -> dict[str, Value]:
        """Return a value on each axis: first two that are not together yet, then the best of each other axis."""
        point = dict(self._start())
        for axis in self._shuffled([axis for axis in AXES if axis not in point]):
            values = [one for one in AXES[axis] if self._fits(point, axis, one)]
            point[axis] = max(self._shuffled(values), key=lambda one: (self._new(point, axis, one), -_cost(axis, one)))
        return {axis: point[axis] for axis in AXES}

    def _start(self) -> Iterator[tuple[str, Value]]:
        """Yield the two values of a missing pair of values, or of one with a step, if there is one."""
        open_pairs = [pair for pair in self._between_values if pair in self.missing]
        if open_pairs:
            pair = self._choice(open_pairs)
            yield from (at for at in pair if at[0] in AXES)

    def _fits(self, point: dict[str, Value], axis: str, value: Value) -> bool:
        return not any(excluded_by(_pair((other, its), (axis, value))) for other, its in point.items())

    def _new(self, point: dict[str, Value], axis: str, value: Value) -> int:
        return sum(_pair((other, its), (axis, value)) in self.missing for other, its in point.items())

    def _kinds(self, point: dict[str, Value]) -> Iterator[str]:
        """Yield kinds of steps in a legal order, each the one with most new pairs."""
        kinds: list[str] = []
        before, between = int(self._draw.random() * 3), int(self._draw.random() * 3)
        while len(kinds) < LENGTH and not (kinds and kinds[-1] in LAST):
            kind = self._next(point, kinds, before, between)
            kinds.append(kind)
            yield kind

    def _next(self, point: dict[str, Value], kinds: list[str], before: int, between: int) -> str:
        allowed = _allowed(kinds, before, between)
        return max(self._shuffled(allowed), key=lambda kind: self._worth(point, kinds, kind))

    def _worth(self, point: dict[str, Value], kinds: list[str], kind: str) -> float:
        last = kinds[-1] if kinds else ""
        new = sum(Pair(at, (STEP, kind)) in self.missing for at in point.items()) if kind not in kinds else 0
        follows = Pair((STEP, last), (THEN, kind)) in self.missing
        leads = any(Pair((STEP, kind), (THEN, after)) in self.missing for after in STEPS)
        return new + 2 * follows + leads

    # ------------------------------------------------------------- a skeleton

    def _skeleton(self, point: dict[str, Value], kinds: tuple[str, ...]) -> Skeleton:
        count = int(point["planned"])
        others = [self._other(point) for _ in range(count - 1)]
        beside = [Slot(size=self._other(point).size, planned=False, bias=True)] if point["unplanned"] else []
        names = ("values", "memory", "together", "optimizer", "names", "between", "again", "dtype")
        return Skeleton(
            slots=(_slot(point), *others, *beside), steps=tuple(self._steps(kinds, point)),
            **{name: point[name] for name in names},  # type: ignore[arg-type]
        )

    def _other(self, first: dict[str, Value]) -> Slot:
        """Return a slot after the first, of the values that such slots have had least; large ones cost too much."""
        point: dict[str, Value] = {}
        for axis in OF_A_SLOT:
            values = [one for one in AXES[axis] if self._fits(point, axis, one)]
            if first["together"] and axis in ("pattern", "level"):
                values = [first[axis]]
            if axis == "size":
                values.remove("large")
            point[axis] = min(self._shuffled(values), key=lambda one: self._used[axis, one])
            self._used[axis, point[axis]] += 1
        return _slot(point)

    def _steps(self, kinds: tuple[str, ...], point: dict[str, Value]) -> Iterator[Step]:
        for kind in kinds:
            options = STEPS[kind]
            step = options[self._used[STEP, kind] % len(options)]
            self._used[STEP, kind] += 1
            yield Attach(default_dtype=point["default_dtype"]) if kind == "attach" else step  # type: ignore[arg-type]

    # ------------------------------------------------------------- chance

    def _choice(self, values: Sequence[T]) -> T:
        return values[int(self._draw.random() * len(values))]

    def _shuffled(self, values: Sequence[T]) -> list[T]:
        return sorted(values, key=lambda _: self._draw.random())


def _cost(axis: str, value: Value) -> float:
    """Return a number that orders the values of an axis by the time that a program takes with them."""
    if axis == "size":
        return ("wide", "large").index(value) + 1 if value in ("wide", "large") else 0
    return float(value) if axis in ("planned", "unplanned", "again") else 0


def _allowed(kinds: list[str], before: int, between: int) -> list[str]:
    """Return the kinds that may follow: `before` steps, attach, `between` steps, an update, and what a user likes."""
    if "attach" not in kinds:
        return [*BEFORE_ATTACH] if len(kinds) < before else ["attach"]
    if not any(kind in UPDATES for kind in kinds):
        steps = len(kinds) - kinds.index("attach") - 1
        return [kind for kind in STEPS if kind not in AFTER_UPDATE and kind != "attach"] if steps < between \
            else [*UPDATES]
    is_late = len(kinds) >= LENGTH - 1
    return [kind for kind in STEPS if kind != "attach" and (is_late or kind not in LAST)]


def _pair(one: tuple[str, Value], other: tuple[str, Value]) -> Pair:
    return Pair(one, other) if _PLACE[one[0]] < _PLACE[other[0]] else Pair(other, one)


def _pairs(point: dict[str, Value], kinds: tuple[str, ...]) -> Iterator[Pair]:
    values = [*point.items()]
    yield from (Pair(one, other) for one, other in combinations(values, 2))
    yield from (Pair(one, (STEP, kind)) for one in values for kind in kinds)
    yield from (Pair((STEP, one), (THEN, other)) for one, other in neighbours(kinds))


def _slot(point: dict[str, Value]) -> Slot:
    return Slot(**{axis: point[axis] for axis in OF_A_SLOT})  # type: ignore[arg-type]


def made() -> Iterable[Skeleton]:
    """Return the skeletons of the corpus."""
    return [*Covering().programs()]
