"""Make a covering array of skeletons, greedily, as AETG does: many candidates, and the one with most new pairs wins."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Generic, TypeVar

from sparsecheck.programs.coverage import Pair, coverage, every_pair, excluded_by, pairs_between, pairs_of
from sparsecheck.programs.space import STEP, THEN, Space, Value
from sparsecheck.values.steps import Attach, Step

SEED = 26
CANDIDATES = 8
"""The number of candidates for each program."""

S = TypeVar("S")
T = TypeVar("T")


class Covering(ABC, Generic[S]):
    """A covering array in the making; the same every time.

    Attributes:
        space: The space of the skeletons.
        length: The number of steps that a program has, unless finalize ends it earlier.
        missing: The pairs that are possible and not covered yet.
    """

    space: Space
    length: int

    def __init__(self) -> None:
        space = self.space
        self.missing = set(coverage((), space).possible)
        self._between_values = [pair for pair in every_pair(space) if pair.one[0] in space.axes]
        self._place = {axis: place for place, axis in enumerate((*space.axes, STEP, THEN))}
        self._draw = random.Random(SEED)  # of which only `random` is the same on every Python
        self._used = Counter[tuple[str, Value]]()

    @abstractmethod
    def skeleton(self, point: dict[str, Value], steps: tuple[Step, ...]) -> S:
        """Return a skeleton with a value on each axis."""

    @abstractmethod
    def cost(self, axis: str, value: Value) -> float:
        """Return a number that orders the values of an axis by the time that a program takes with them."""

    def programs(self) -> Iterator[S]:
        """Yield skeletons until every pair is covered."""
        while self.missing:
            point, kinds = max((self._candidate() for _ in range(CANDIDATES)), key=self._gain)
            skeleton = self.skeleton(point, tuple(self._steps(kinds, point)))
            new = self.missing.intersection(pairs_of(skeleton, self.space))
            assert new, f"no program covers {sorted(map(str, self.missing))[:3]}"
            self.missing -= new
            yield skeleton

    # ------------------------------------------------------------- one candidate

    def _candidate(self) -> tuple[dict[str, Value], tuple[str, ...]]:
        point = self._point()
        return point, tuple(self._kinds(point))

    def _gain(self, made: tuple[dict[str, Value], tuple[str, ...]]) -> int:
        point, kinds = made
        return len(self.missing.intersection(pairs_between([*point.items()], kinds)))

    def _point(self) -> dict[str, Value]:
        """Return a value on each axis: first two that are not together yet, then the best of each other axis."""
        point = dict(self._start())
        axes = self.space.axes
        for axis in self._shuffled([axis for axis in axes if axis not in point]):
            values = [one for one in axes[axis] if self.fits(point, axis, one)]
            point[axis] = max(
                self._shuffled(values), key=lambda one: (self._new(point, axis, one), -self.cost(axis, one))
            )
        return {axis: point[axis] for axis in axes}

    def _start(self) -> Iterator[tuple[str, Value]]:
        """Yield the two values of a missing pair of values, or of one with a step, if there is one."""
        open_pairs = [pair for pair in self._between_values if pair in self.missing]
        if open_pairs:
            pair = self._choice(open_pairs)
            yield from (at for at in pair if at[0] in self.space.axes)

    def fits(self, point: Mapping[str, Value], axis: str, value: Value) -> bool:
        """Return whether a value can occur together with others."""
        return not any(
            excluded_by(self._pair((other, its), (axis, value)), self.space) for other, its in point.items()
        )

    def _new(self, point: dict[str, Value], axis: str, value: Value) -> int:
        return sum(self._pair((other, its), (axis, value)) in self.missing for other, its in point.items())

    def _kinds(self, point: dict[str, Value]) -> Iterator[str]:
        """Yield kinds of steps in a legal order, each the one with most new pairs."""
        kinds: list[str] = []
        before, between = int(self._draw.random() * 3), int(self._draw.random() * 3)
        while len(kinds) < self.length and not (kinds and kinds[-1] in self.space.last):
            kind = self._next(point, kinds, before, between)
            kinds.append(kind)
            yield kind

    def _next(self, point: dict[str, Value], kinds: list[str], before: int, between: int) -> str:
        allowed = self._allowed(kinds, before, between)
        return max(self._shuffled(allowed), key=lambda kind: self._worth(point, kinds, kind))

    def _worth(self, point: dict[str, Value], kinds: list[str], kind: str) -> float:
        last = kinds[-1] if kinds else ""
        new = sum(Pair(at, (STEP, kind)) in self.missing for at in point.items()) if kind not in kinds else 0
        follows = Pair((STEP, last), (THEN, kind)) in self.missing
        leads = any(Pair((STEP, kind), (THEN, after)) in self.missing for after in self.space.steps)
        return new + 2 * follows + leads

    def _allowed(self, kinds: list[str], before: int, between: int) -> list[str]:
        """Return the kinds that may follow: `before` steps, attach, `between` steps, an update, and all others."""
        space = self.space
        if "attach" not in kinds:
            return [*space.before_attach] if len(kinds) < before else ["attach"]
        if not any(kind in space.updates for kind in kinds):
            steps = len(kinds) - kinds.index("attach") - 1
            return [kind for kind in space.steps if kind not in space.after_update and kind != "attach"] \
                if steps < between else [*space.updates]
        is_late = len(kinds) >= self.length - 1
        return [kind for kind in space.steps if kind != "attach" and (is_late or kind not in space.last)]

    def _steps(self, kinds: tuple[str, ...], point: dict[str, Value]) -> Iterator[Step]:
        for kind in kinds:
            options = self.space.steps[kind]
            step = options[self._used[STEP, kind] % len(options)]
            self._used[STEP, kind] += 1
            yield Attach(default_dtype=point["default_dtype"]) if kind == "attach" else step  # type: ignore[arg-type]

    # ------------------------------------------------------------- further layers

    def other(self, fixed: Mapping[str, Value], without: Mapping[str, Value]) -> dict[str, Value]:
        """Return the values of a layer after the first: those that such layers have had least.

        Args:
            fixed: Values that it must have.
            without: By axis, a value that it must not have.
        """
        point: dict[str, Value] = {}
        for axis in self.space.of_a_slot:
            values = [one for one in self.space.axes[axis] if self.fits(point, axis, one)]
            values = [fixed[axis]] if axis in fixed else [one for one in values if one != without.get(axis, "")]
            point[axis] = min(self._shuffled(values), key=lambda one: self._used[axis, one])
            self._used[axis, point[axis]] += 1
        return point

    # ------------------------------------------------------------- chance

    def _choice(self, values: Sequence[T]) -> T:
        return values[int(self._draw.random() * len(values))]

    def _shuffled(self, values: Sequence[T]) -> list[T]:
        return sorted(values, key=lambda _: self._draw.random())

    def _pair(self, one: tuple[str, Value], other: tuple[str, Value]) -> Pair:
        return Pair(one, other) if self._place[one[0]] < self._place[other[0]] else Pair(other, one)
