"""The pairs of values that a set of skeletons covers, and those that cannot occur, each by a named constraint."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import combinations, pairwise
from typing import Any, NamedTuple

from .space import STEP, THEN, At, Space


class Pair(NamedTuple):
    """Two values that occur together; for two neighbouring steps, in their order."""

    one: At
    other: At


def pairs_of(skeleton: Any, space: Space) -> Iterator[Pair]:
    """Yield every pair that a skeleton covers, some of them more than once."""
    kinds = tuple(space.kind_of(step) for step in skeleton.steps)
    yield from pairs_between([*space.point_of(skeleton).items()], kinds)


def pairs_between(values: list[At], kinds: tuple[str, ...]) -> Iterator[Pair]:
    """Yield every pair of values, of a value with a kind of step, and of neighbouring steps.

    Args:
        values: The values, in the order of their axes.
        kinds: The kinds of the steps.
    """
    for one, other in combinations(values, 2):
        yield Pair(one, other)
    for one in values:
        for kind in kinds:
            yield Pair(one, (STEP, kind))
    for before, after in pairwise(kinds):
        yield Pair((STEP, before), (THEN, after))


def every_pair(space: Space) -> Iterator[Pair]:
    """Yield every pair of values, whether or not they can occur together."""
    values = [(axis, value) for axis, all in space.axes.items() for value in all]
    kinds: list[At] = [(STEP, kind) for kind in space.steps]
    for one, other in combinations(values, 2):
        if one[0] != other[0]:
            yield Pair(one, other)
    for value in values:
        for kind in kinds:
            yield Pair(value, kind)
    for kind in kinds:
        for after in space.steps:
            yield Pair(kind, (THEN, after))


def excluded_by(pair: Pair, space: Space) -> str:
    """Return the name of the first constraint that excludes a pair; an empty string if it is possible."""
    (axis, value), (other, its) = pair
    return next((name for name, one in space.constraints.items() if one(axis, value, other, its)), "")


class Coverage(NamedTuple):
    """The coverage of a set of skeletons.

    Attributes:
        possible: The pairs that can occur.
        covered: Those that do.
        excluded: The number of pairs that each constraint excludes.
    """

    possible: frozenset[Pair]
    covered: frozenset[Pair]
    excluded: Counter[str]

    @property
    def missing(self) -> frozenset[Pair]:
        """Return the pairs that can occur and do not."""
        return self.possible - self.covered


def coverage(skeletons: Iterable[Any], space: Space) -> Coverage:
    """Return the coverage of skeletons."""
    possible, excluded = set[Pair](), Counter[str]()
    for pair in every_pair(space):
        if name := excluded_by(pair, space):
            excluded[name] += 1
        else:
            possible.add(pair)
    covered = {pair for one in skeletons for pair in pairs_of(one, space)}
    return Coverage(frozenset(possible), frozenset(covered & possible), excluded)
