"""Assertions on computed masks: whole units, the right number of them, and the ones with the highest scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..values.comparisons import note
from ..values.contract import Contract
from ..values.pattern import Band, Given, Pattern
from ..values.plan import Plan
from ..values.violation import Violation, presume
from .units import Mask, Reals, Units, unit_scores, units

SLACK = {"float64": 1e-12, "float32": 1e-5, "bfloat16": 2e-2, "float16": 5e-3}
"""By dtype, the relative difference up to which two summed scores count as tied."""


@dataclass(frozen=True)
class Ranking:
    """The units that one level counts over: those of one parameter, or of all planned ones together.

    Attributes:
        names: The parameters.
        pattern: Their pattern.
        mask: True where kept. Of the weight's shape, or flat and concatenated if there are several parameters.
        weight: The dense weight, of the same shape.
    """

    names: tuple[str, ...]
    pattern: Pattern
    mask: Mask
    weight: Reals

    @property
    def description(self) -> str:
        return f"mask of {self.names[0]}" if len(self.names) == 1 else f"masks of {' and '.join(self.names)} together"


def rankings(plan: Plan, masks: Mapping[str, Mask], weights: Mapping[str, Reals]) -> Iterator[Ranking]:
    """Yield one ranking per planned parameter, or a single one if the plan ranks all together.

    Args:
        plan: The plan.
        masks: Masks by parameter name, True where kept.
        weights: Dense weights by parameter name.

    Raises:
        Violation: A mask is missing (`mask-missing`) or has another shape than its weight (`mask-differs`).
    """
    for name in plan.names:
        presume(name in masks, "mask-missing", f"{name} is planned, but masks() has no mask for it")
        seen, expected = masks[name].shape, weights[name].shape
        presume(seen == expected, "mask-differs", f"mask of {name} has shape {seen}, expected {expected}")
    if plan.scope == "each":
        for name, pattern in plan.patterns.items():
            yield Ranking((name,), pattern, masks[name], weights[name])
    else:
        flat_mask = np.concatenate([masks[name].ravel() for name in plan.names])
        flat_weight = np.concatenate([weights[name].ravel() for name in plan.names])
        yield Ranking(plan.names, plan.patterns[plan.names[0]], flat_mask, flat_weight)


def expected_units(ranking: Ranking, contract: Contract, before: Mask | None = None) -> Units:
    """Return the units of a ranking, with the number of them that an update must have removed.

    Args:
        ranking: The ranking after the update.
        contract: The declared contract.
        before: The mask before the update. Without one, the update was the first: of an untouched model, or of the
            masks made at attach, as declared.
    """
    fresh = units(ranking.pattern, ranking.mask.shape, contract)
    if before is not None:
        gone = int((~kept_units(before, fresh, f"{ranking.description} before the update")).sum())
    else:
        gone = fresh.removed[0] if contract.masks_at == "attach" else 0
    return units(ranking.pattern, ranking.mask.shape, contract, gone)


def kept_units(mask: Mask, cut: Units, what: str) -> NDArray[np.bool_]:
    """Return which units `mask` keeps, one boolean per unit.

    Raises:
        Violation: A unit is kept in part, or an entry outside all units is removed (`unit-broken`).
    """
    inside = cut.index >= 0
    presume(bool(mask[~inside].all()), "unit-broken", f"{what} removes entries of a partial block, to be kept")
    sizes = np.bincount(cut.index[inside], minlength=cut.count)
    kept = np.bincount(cut.index[inside], weights=mask[inside], minlength=cut.count)
    broken = np.flatnonzero((kept != 0) & (kept != sizes))
    if broken.size:
        unit = int(broken[0])
        first = tuple(int(i) for i in np.argwhere(cut.index == unit)[0])
        raise Violation(
            "unit-broken",
            f"{what} keeps {broken.size} of {cut.count} units in part, first the one at {first}: "
            f"{int(kept[unit])} of its {sizes[unit]} entries",
        )
    return np.asarray(kept == sizes)


def assert_count(mask: Mask, cut: Units, what: str) -> None:
    """Assert that each group of units has lost exactly the number that the level demands.

    Raises:
        Violation: The numbers differ (`count-differs`), or a unit is kept in part (`unit-broken`).
    """
    note(what)
    kept = kept_units(mask, cut, what)
    removed = np.bincount(cut.groups, weights=~kept, minlength=len(cut.removed)).astype(int)
    wrong = np.flatnonzero(removed != np.asarray(cut.removed))
    if wrong.size:
        group = int(wrong[0])
        of = int((cut.groups == group).sum())
        raise Violation(
            "count-differs",
            f"{what} removes {removed[group]} of {of} units, expected {cut.removed[group]}"
            + (f" (group {group}; {wrong.size} of {len(cut.removed)} groups differ)" if len(cut.removed) > 1 else ""),
        )


def assert_highest_kept(
    mask: Mask, weight: Reals, cut: Units, contract: Contract, dtype: str, what: str, floor: float = 0.0
) -> None:
    """Assert that no removed unit scores above a kept one of its group, up to ties.

    Args:
        mask: True where kept.
        weight: The weight that is scored.
        cut: Its units.
        contract: The declared contract, for the score.
        dtype: The name of the weight's dtype, which decides the slack between summed scores.
        what: The subject of the message.
        floor: The score up to which all are tied.

    Raises:
        Violation: One does (`kept-differs`), or a unit is kept in part (`unit-broken`).
    """
    note(what)
    kept, scores = kept_units(mask, cut, what), np.maximum(unit_scores(weight, cut, contract), floor)
    slack = 0.0 if cut.count == weight.size else SLACK[dtype]
    lowest, highest = extremes_by_group(scores, kept, cut)
    doubtful = np.flatnonzero(~(highest <= lowest * (1 + slack)))
    if doubtful.size:
        members = group_members(cut)
        wrong = sum(_count_wrong(scores[members[one]], kept[members[one]], slack) for one in doubtful)
        own = cut.groups == doubtful[0]
        removed = f"{what} removes {wrong} of {int((~kept).sum())} units in place of units that score lower"
        raise Violation("kept-differs", f"{removed}: {_extremes(scores, own & kept, own & ~kept)}")


def group_members(cut: Units) -> list[NDArray[np.int64]]:
    """Return the numbers of the units of each group, in time that grows with the units alone."""
    order: NDArray[np.int64] = np.argsort(cut.groups, kind="stable")
    return np.split(order, np.cumsum(np.bincount(cut.groups, minlength=len(cut.removed)))[:-1])


def extremes_by_group(scores: Reals, kept: NDArray[np.bool_], cut: Units) -> tuple[Reals, Reals]:
    """Return for each group the lowest score that is kept, and the highest one that is removed."""
    lowest, highest = np.full(len(cut.removed), np.inf), np.full(len(cut.removed), -np.inf)
    np.minimum.at(lowest, cut.groups[kept], scores[kept])
    np.maximum.at(highest, cut.groups[~kept], scores[~kept])
    return lowest, highest


def _count_wrong(scores: Reals, kept: NDArray[np.bool_], slack: float) -> int:
    """Return how many removed units of a group would have to be exchanged for kept ones that score lower.

    One unit that is wrong counts as one, however many others score between it and the unit that is in its place.
    """
    lowest_to_keep = np.sort(scores)[-int(kept.sum())]
    return max(1, int((scores[kept] * (1 + slack) < lowest_to_keep).sum()))


def _extremes(scores: Reals, kept: NDArray[np.bool_], removed: NDArray[np.bool_]) -> str:
    highest, lowest = np.flatnonzero(removed)[scores[removed].argmax()], np.flatnonzero(kept)[scores[kept].argmin()]
    return (f"highest removed {scores[highest]:.6g} (unit {int(highest)}), "
            f"lowest kept {scores[lowest]:.6g} (unit {int(lowest)})")


def assert_same_mask(one: Ranking, other: Ranking, contract: Contract, dtype: str, what: str) -> None:
    """Assert that two masks of one weight are equal, up to differences that the contract allows.

    Units of equal score may be exchanged where the contract leaves ties open, and where scores are sums and so rounded.

    Raises:
        Violation: The masks differ (`mask-differs`), or a unit is kept in part (`unit-broken`).
    """
    note(one.description)
    strays = np.argwhere(one.mask != other.mask)
    if strays.size and not _differs_by_ties(one, other, contract, dtype, what):
        first = tuple(int(i) for i in strays[0])
        differ = f"{len(strays)} of {one.mask.size} entries differ, first at {first}"
        message = f"{one.description} is not the same {what}: {differ}, and not by ties that the contract leaves open"
        raise Violation("mask-differs", message)


def _differs_by_ties(one: Ranking, other: Ranking, contract: Contract, dtype: str, what: str) -> bool:
    if isinstance(one.pattern, (Given, Band)) or not contract.score.startswith("magnitude"):
        return False
    cut = expected_units(one, contract)
    is_summed = cut.count != one.weight.size
    if contract.ties != "any" and not is_summed:
        return False
    first, second = (kept_units(ranking.mask, cut, f"{ranking.description} {what}") for ranking in (one, other))
    scores, slack = unit_scores(one.weight, cut, contract), SLACK[dtype] if is_summed else 0.0
    members = group_members(cut)
    differ = [members[group] for group in np.unique(cut.groups[first != second])]
    return all(_is_tied(scores[own][first[own] & ~second[own]], scores[own][second[own] & ~first[own]], slack)
               for own in differ)


def _is_tied(first: Reals, second: Reals, slack: float) -> bool:
    """Return whether both sides have the same number of scores, and all scores are equal."""
    both = np.concatenate((first, second))
    return len(first) == len(second) and bool(np.allclose(both, both[:1], rtol=slack, atol=0.0))


def assert_subset(inner: Mapping[str, Mask], outer: Mapping[str, Mask], kind: str, what: str) -> None:
    """Assert that every entry kept by `inner` is kept by `outer`.

    Args:
        inner: Masks by parameter name.
        outer: Masks of the same parameters.
        kind: The kind of the violation.
        what: The end of the message: a statement about the entries that only `inner` keeps.

    Raises:
        Violation: An entry is kept by `inner` alone.
    """
    for name, mask in inner.items():
        note(name)
        stray = np.argwhere(mask & ~outer[name])
        if stray.size:
            first = tuple(int(i) for i in stray[0])
            raise Violation(kind, f"{len(stray)} of {mask.size} entries of {name}, first at {first}, {what}")


def assert_ties(mask: Mask, contract: Contract, what: str) -> None:
    """Assert that among entries of equal score the kept ones are those that the declared tie rule names.

    Raises:
        Violation: Others are kept (`ties-differ`).
    """
    if contract.ties == "any":
        return
    note(what)
    flat = mask.ravel() if contract.ties == "lowest index" else mask.ravel()[::-1]
    kept = int(flat.sum())
    stray = np.flatnonzero(~flat[:kept])
    if stray.size:
        raise Violation(
            "ties-differ",
            f"{what} of equal scores keeps {kept}, but not those of {contract.ties}: "
            f"{stray.size} of {kept} such entries are removed, first at position {int(stray[0])} in that order",
        )


def assert_unit_ties(one: Ranking, cut: Units, contract: Contract) -> None:
    """Assert that among units of equal score the kept ones of each group are those that the declared tie rule names.

    Raises:
        Violation: Others are kept (`ties-differ`), or a unit is kept in part (`unit-broken`).
    """
    note(one.description)
    kept, step = kept_units(one.mask, cut, one.description), 1 if contract.ties == "lowest index" else -1
    for group in range(len(cut.removed)):
        units_of = kept[cut.groups == group][::step]
        count = int(units_of.sum())
        stray = np.flatnonzero(~units_of[:count])
        if stray.size:
            raise Violation(
                "ties-differ",
                f"{one.description} keeps {count} of {len(units_of)} units of equal score, but not those of "
                f"{contract.ties}: {stray.size} of {count} such units are removed, in group {group}",
            )
