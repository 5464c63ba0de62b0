"""The coverage of the corpus for one sparsifier: the pairs that are possible with what it offers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cache
from itertools import combinations, pairwise
from typing import NamedTuple, TypeVar

from ..values.program import Program
from ..values.skeleton import Skeleton, Slot
from ..values.steps import Attach
from .axes import MASK
from .coverage import Pair
from .fill import Filled, fill, filled_slots
from .offer import Offer
from .space import STEP, THEN, At, Value
from .targets import TARGETS, dimensions_of

S = TypeVar("S")

LEVELLED = ("unstructured", "block", "channel", "input_channel")


class Covered(NamedTuple):
    """What a filled program covers.

    Attributes:
        rows: The values that occur together, in the order of their axes; a row for each planned slot.
        kinds: The kinds of the steps.
    """

    rows: list[list[At]]
    kinds: tuple[str, ...]


def new_pairs(skeletons: dict[str, Skeleton], offer: Offer) -> tuple[dict[str, int], int]:
    """Return the number of pairs that each program adds to those of earlier ones, and the number that is possible."""
    return pairs_added(skeletons, lambda one: _covered(one, offer), lambda pair: _is_possible(pair, offer))


def pairs_added(
    skeletons: Mapping[str, S], covered: Callable[[S], Covered], is_possible: Callable[[Pair], bool]
) -> tuple[dict[str, int], int]:
    """Return the number of pairs that each program adds to those of earlier ones, and the number that is possible.

    Args:
        skeletons: The skeletons by name.
        covered: Returns what the filled program of a skeleton covers.
        is_possible: Returns whether two values can occur together in a filled program.
    """
    numbers, seen, added, may_be = _Numbers(), set[int](), dict[str, int](), cache(is_possible)
    for name, skeleton in skeletons.items():
        new = _pairs(covered(skeleton), numbers) - seen
        seen |= new
        added[name] = sum(may_be(numbers.pair(one)) for one in new)
    return added, sum(map(may_be, _every_pair(numbers.values)))


class _Numbers:
    """Numbers for values on axes and for pairs of them, because a set of numbers is filled in a tenth of the time.

    Attributes:
        values: The values that have a number, in the order of their numbers.
    """

    def __init__(self) -> None:
        self.values: list[At] = []
        self._numbers: dict[At, int] = {}

    def of(self, values: Collection[At]) -> list[int]:
        """Return the numbers of values; new values get the next ones."""
        for at in values:
            if at not in self._numbers:
                self._numbers[at] = len(self.values)
                self.values.append(at)
        return [self._numbers[at] for at in values]

    def pair(self, number: int) -> Pair:
        """Return the pair of values that has a number."""
        one, other = divmod(number, _MOST)
        return Pair(self.values[one], self.values[other])


_MOST = 2**16
"""More than the number of values on all axes."""


def _pairs(covered: Covered, numbers: _Numbers) -> set[int]:
    """Return the number of every pair of values, of a value with a kind of step, and of neighbouring steps."""
    rows, kinds = covered
    steps = numbers.of([(STEP, kind) for kind in {*kinds}])
    pairs = [numbers.of([(STEP, before), (THEN, after)]) for before, after in pairwise(kinds)]
    found = {one * _MOST + other for one, other in pairs}
    for row in rows:
        values = numbers.of(row)
        found |= {one * _MOST + other for one, other in combinations(values, 2)}
        found |= {one * _MOST + other for one in values for other in steps}
    return found


def _every_pair(values: Iterable[At]) -> Iterator[Pair]:
    for one, other in combinations(sorted(values, key=axis_of), 2):
        first, second = (other, one) if one[0] in (STEP, THEN) and other[0] not in (STEP, THEN) else (one, other)
        if THEN not in (first[0], second[0]) and first[0] != second[0]:
            yield Pair(first, second)
    kinds = sorted({str(value) for axis, value in values if axis in (STEP, THEN)})
    yield from (Pair((STEP, one), (THEN, other)) for one in kinds for other in kinds)


def _covered(skeleton: Skeleton, offer: Offer) -> Covered:
    """Return what a filled skeleton covers; each planned slot has values of its own."""
    program, slots = fill(skeleton, offer), [one for one in filled_slots(skeleton, offer) if one.removal is not None]
    whole = [*_of_program(skeleton, program).items()]
    rows = [sorted((*_of_slot(one).items(), *whole), key=axis_of) for one in slots]
    return Covered(rows, tuple(MASK.kind_of(step) for step in program.steps))


def axis_of(at: At) -> str:
    """Return the axis of a value, by which the values of a pair are ordered."""
    return at[0]


def _of_program(skeleton: Skeleton, program: Program) -> dict[str, Value]:
    attach = next(step for step in program.steps if isinstance(step, Attach))
    return {
        "dtype": program.dtype, "values": program.values, "memory": program.memory, "scope": program.scope,
        "optimizer": program.optimizer, "planned": len(program.plan), "names": skeleton.names,
        "between": skeleton.between, "again": skeleton.again, "default_dtype": attach.default_dtype,
        "unplanned": not all(slot.planned for slot in skeleton.slots),
    }


def _of_slot(one: Filled) -> dict[str, Value]:
    slot: Slot = one.slot
    return {
        "target": one.target, "pattern": one.pattern, "size": slot.size,
        "level": slot.level if one.pattern in LEVELLED else "none",
        "last": one.removal is not None and one.removal.pattern == "channel" and one.removal.dim > 1,
        "order": slot.order if one.pattern == "given" else "C", "bias": one.layer.bias,
        "sequence": one.layer.sequence > 0, "frozen": slot.frozen, "evaluates": slot.evaluates,
    }


def _is_possible(pair: Pair, offer: Offer) -> bool:
    """Return whether two values can occur together; see the constraints in `coverage`."""
    at: dict[str, Value] = dict(pair)
    if THEN in at:
        return MASK.may_follow(str(at[STEP]), str(at[THEN]))
    target, pattern = at.get("target"), at.get("pattern")
    if target is not None and not _has(str(target), at, offer.patterns[str(target)]):
        return False
    if pattern is not None and not _is_of(str(pattern), at):
        return False
    is_flat = target is not None and dimensions_of(TARGETS[str(target)]) < 3
    if at.get("last") and (is_flat or at.get("scope") == "all" or at.get("order") == "F" or at.get("level") == "none"):
        return False
    return not (at.get("order") == "F" and (at.get("scope") == "all" or at.get("level", "none") != "none"))


def _has(target: str, at: dict[str, Value], patterns: tuple[str, ...]) -> bool:
    kind, is_bias = TARGETS[target].kind, TARGETS[target].parameter.endswith("bias")
    if at.get("pattern", patterns[0]) not in patterns or (at.get("sequence") and kind != "linear"):
        return False
    if "bias" in at and (is_bias if not at["bias"] else kind in ("embedding", "scale")):
        return False
    levelled = {one in LEVELLED for one in patterns}
    is_levelled = at.get("level", "none") != "none"
    return "level" not in at or is_levelled in levelled


def _is_of(pattern: str, at: dict[str, Value]) -> bool:
    if at.get("last") and pattern != "input_channel":
        return False
    if "level" in at and (pattern in LEVELLED) != (at["level"] != "none"):
        return False
    return not (at.get("order") == "F" and pattern != "given") and not (
        at.get("scope") == "all" and pattern != "unstructured"
    )
