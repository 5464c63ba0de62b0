"""The pairs of values that a set of skeletons covers, and those that cannot occur, each by a named constraint."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations
from typing import NamedTuple

from ..values.skeleton import Skeleton
from .axes import AFTER_UPDATE, AXES, BEFORE_ATTACH, LAST, STEPS, Value, kind_of, neighbours, point_of

STEP = "step"
"""The axis of the kinds of steps, which has several values in one program."""

THEN = "then"
"""The axis of a step that follows another one."""

At = tuple[str, Value]
"""A value on an axis."""


class Pair(NamedTuple):
    """Two values that occur together; for two neighbouring steps, in their order."""

    one: At
    other: At


def pairs_of(skeleton: Skeleton) -> Iterator[Pair]:
    """Yield every pair that a skeleton covers, some of them more than once."""
    kinds = tuple(kind_of(step) for step in skeleton.steps)
    values: list[At] = [*point_of(skeleton).items()]
    for one, other in combinations(values, 2):
        yield Pair(one, other)
    for one in values:
        for kind in kinds:
            yield Pair(one, (STEP, kind))
    for before, after in neighbours(kinds):
        yield Pair((STEP, before), (THEN, after))


def every_pair() -> Iterator[Pair]:
    """Yield every pair of values, whether or not they can occur together."""
    values = [(axis, value) for axis, all in AXES.items() for value in all]
    kinds: list[At] = [(STEP, kind) for kind in STEPS]
    for one, other in combinations(values, 2):
        if one[0] != other[0]:
            yield Pair(one, other)
    for value in values:
        for kind in kinds:
            yield Pair(value, kind)
    for kind in kinds:
        for after in STEPS:
            yield Pair(kind, (THEN, after))


_Constraint = Callable[[str, Value, str, Value], bool]

_LEVELLED = (0, 2, 3, 6)



CONSTRAINTS: dict[str, _Constraint] = {
    "attach-once": lambda a, x, b, y: b == THEN and y == "attach" and x not in BEFORE_ATTACH,
    "finalize-last": lambda a, x, b, y: b == THEN and x in LAST,
    "masks-first": lambda a, x, b, y: b == THEN and x == "attach" and y in AFTER_UPDATE,
    "five-layers": lambda a, x, b, y: (a, x, b, y) == ("planned", 5, "unplanned", True),
    "level-of-a-pattern": lambda a, x, b, y: (a, b) == ("pattern", "level") and y != 0.5 and x not in _LEVELLED,
    "together-by-entries": lambda a, x, b, y: (a, b) == ("pattern", "together") and bool(y) and x != 0,
    "order-of-a-mask": lambda a, x, b, y: b == "order" and y == "F" and (
        (a == "pattern" and x != 1) or (a == "level" and x != 0.5) or (a == "together" and bool(x))
    ),
    "last-of-channels": lambda a, x, b, y: b == "last" and bool(y) and (
        (a == "pattern" and x not in (3, 6)) or (a == "order" and x == "F") or (a == "together" and bool(x))
    ),
    "sequence-of-features": lambda a, x, b, y: (a, b) == ("target", "sequence") and bool(y) and x not in (0, 13),
    "bias-of-a-layer": lambda a, x, b, y: (a, b) == ("target", "bias") and (
        (bool(y) and x in (3, 15)) or (not y and x in (13, 14))
    ),
}
"""The reasons why two values cannot occur together, each as a predicate on two axes and their values."""

WHY: dict[str, str] = {
    "attach-once": "a program attaches once, after nothing but steps on the dense model",
    "finalize-last": "finalize is the last step",
    "masks-first": "restore, finalize and an illegal level come after the first update",
    "five-layers": "a program has at most five layers, besides those between them",
    "level-of-a-pattern": "given masks, N:M and bands have no level",
    "together-by-entries": "a plan that ranks all parameters together removes single entries",
    "order-of-a-mask": "only a given mask has a memory order",
    "last-of-channels": "only channels other than the outputs can be those of the last dimension",
    "sequence-of-features": "only a linear layer runs over a sequence",
    "bias-of-a-layer": "embeddings and scales have no bias, and a planned bias is there",
}
"""Every constraint in words."""


def excluded_by(pair: Pair) -> str:
    """Return the name of the first constraint that excludes a pair; an empty string if it is possible."""
    (axis, value), (other, its) = pair
    return next((name for name, one in CONSTRAINTS.items() if one(axis, value, other, its)), "")


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


def coverage(skeletons: Iterable[Skeleton]) -> Coverage:
    """Return the coverage of skeletons."""
    possible, excluded = set[Pair](), Counter[str]()
    for pair in every_pair():
        if name := excluded_by(pair):
            excluded[name] += 1
        else:
            possible.add(pair)
    covered = {pair for one in skeletons for pair in pairs_of(one)}
    return Coverage(frozenset(possible), frozenset(covered & possible), excluded)
