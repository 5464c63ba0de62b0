"""Whether a computed mask removed the right number of units, whole, and the right ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..values.contract import Contract
from ..values.pattern import Band, Given, Pattern
from ..values.plan import Plan
from ..values.violation import Violation, require
from .units import Mask, Reals, Units, unit_scores, units

SLACK = {"float64": 1e-12, "float32": 1e-5, "bfloat16": 2e-2, "float16": 5e-3}
"""By dtype: how far two summed scores may be apart, relatively, and still count as tied."""


@dataclass(frozen=True)
class Ranking:
    """What one level counts over: one parameter, or all planned ones end to end.

    names: the parameters. mask, weight: of one shape, or flat where there are several.
    """

    names: tuple[str, ...]
    pattern: Pattern
    mask: Mask
    weight: Reals

    @property
    def description(self) -> str:
        return f"mask of {self.names[0]}" if len(self.names) == 1 else f"masks of {' and '.join(self.names)} together"


def rankings(plan: Plan, masks: Mapping[str, Mask], weights: Mapping[str, Reals]) -> Iterator[Ranking]:
    """One ranking a planned parameter, or a single one if the plan's scope is all.

    Raises:
        Violation: `mask-missing`, or `mask-differs` for one of another shape than its weight.
    """
    for name in plan.names:
        require(name in masks, "mask-missing", f"{name} is planned, but masks() has no mask for it")
        seen, expected = masks[name].shape, weights[name].shape
        require(seen == expected, "mask-differs", f"mask of {name} has shape {seen}, expected {expected}")
    if plan.scope == "each":
        for name, pattern in plan.patterns.items():
            yield Ranking((name,), pattern, masks[name], weights[name])
    else:
        flat_mask = np.concatenate([masks[name].ravel() for name in plan.names])
        flat_weight = np.concatenate([weights[name].ravel() for name in plan.names])
        yield Ranking(plan.names, plan.patterns[plan.names[0]], flat_mask, flat_weight)


def expected_units(ranking: Ranking, contract: Contract, before: Mask | None = None) -> Units:
    """The units of a ranking and how many of them are to be gone after an update.

    before: the mask before the update; left out, the update was the first, from an untouched model
    or from what attach had removed, as declared.
    """
    fresh = units(ranking.pattern, ranking.mask.shape, contract)
    if before is not None:
        gone = int((~kept_units(before, fresh, f"{ranking.description} before the update")).sum())
    else:
        gone = fresh.removed[0] if contract.masks_at == "attach" else 0
    return units(ranking.pattern, ranking.mask.shape, contract, gone)


def kept_units(mask: Mask, cut: Units, what: str) -> NDArray[np.bool_]:
    """Which units `mask` keeps, one boolean a unit.

    Raises:
        Violation: `unit-broken`, a unit is kept in part, or an entry outside all units is removed.
    """
    inside = cut.index >= 0
    require(bool(mask[~inside].all()), "unit-broken", f"{what} removes entries of a partial block, to be kept")
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
    """In every group exactly the count that the level asks for is removed.

    Raises:
        Violation: `count-differs` or `unit-broken`.
    """
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
    mask: Mask, weight: Reals, cut: Units, contract: Contract, dtype: str, what: str
) -> None:
    """In every group no unit removed scores above a unit kept, ties aside.

    Raises:
        Violation: `kept-differs` or `unit-broken`.
    """
    kept, scores = kept_units(mask, cut, what), unit_scores(weight, cut, contract)
    slack = 0.0 if cut.count == weight.size else SLACK[dtype]
    for group in range(len(cut.removed)):
        members = cut.groups == group
        _judge_group(scores, members & kept, members & ~kept, slack, what)


def _judge_group(
    scores: Reals, kept: NDArray[np.bool_], removed: NDArray[np.bool_], slack: float, what: str
) -> None:
    if not kept.any() or not removed.any():
        return
    lowest_kept, highest_removed = scores[kept].min(), scores[removed].max()
    better = int((scores[removed] > lowest_kept * (1 + slack)).sum())
    require(
        highest_removed <= lowest_kept * (1 + slack),
        "kept-differs",
        f"{what} removes {better} of {int(removed.sum())} units that score above one it keeps: "
        f"highest removed {highest_removed:.6g} (unit {int(np.flatnonzero(removed)[scores[removed].argmax()])}), "
        f"lowest kept {lowest_kept:.6g} (unit {int(np.flatnonzero(kept)[scores[kept].argmin()])})",
    )


def assert_same_mask(one: Ranking, other: Ranking, contract: Contract, dtype: str, what: str) -> None:
    """Two masks for one weight keep the same; where the contract leaves ties open, or scores are sums and so rounded,
    other units of the same score will do.

    Raises:
        Violation: `mask-differs` or `unit-broken`.
    """
    strays = np.argwhere(one.mask != other.mask)
    if strays.size and not _differs_by_ties(one, other, contract, dtype, what):
        first = tuple(int(i) for i in strays[0])
        differ = f"{len(strays)} of {one.mask.size} entries differ, first at {first}"
        said = f"{one.description} is not the same {what}: {differ}"
        raise Violation("mask-differs", f"{said}, and not by ties that the contract leaves open")


def _differs_by_ties(one: Ranking, other: Ranking, contract: Contract, dtype: str, what: str) -> bool:
    if isinstance(one.pattern, (Given, Band)) or not contract.score.startswith("magnitude"):
        return False
    cut = expected_units(one, contract)
    is_summed = cut.count != one.weight.size
    if contract.ties != "any" and not is_summed:
        return False
    these, those = (kept_units(ranking.mask, cut, f"{ranking.description} {what}") for ranking in (one, other))
    scores, slack = unit_scores(one.weight, cut, contract), SLACK[dtype] if is_summed else 0.0
    groups = [cut.groups == group for group in range(len(cut.removed))]
    return all(_is_tied(scores[own & these & ~those], scores[own & those & ~these], slack) for own in groups)


def _is_tied(these: Reals, those: Reals, slack: float) -> bool:
    """Whether there are as many on either side, and all of one score."""
    both = np.concatenate((these, those))
    return len(these) == len(those) and bool(np.allclose(both, both[:1], rtol=slack, atol=0.0))


def assert_subset(inner: Mapping[str, Mask], outer: Mapping[str, Mask], kind: str, what: str) -> None:
    """Every entry that `inner` keeps, `outer` keeps too. what: what the entries are that it does not keep.

    Raises:
        Violation: one is not.
    """
    for name, mask in inner.items():
        stray = np.argwhere(mask & ~outer[name])
        if stray.size:
            first = tuple(int(i) for i in stray[0])
            raise Violation(kind, f"{len(stray)} entries of {name}, first at {first}, {what}")


def assert_ties(mask: Mask, contract: Contract, what: str) -> None:
    """Among entries that all score the same, those kept are the ones the tie rule names.

    Raises:
        Violation: `ties-differ`.
    """
    if contract.ties == "any":
        return
    flat = mask.ravel() if contract.ties == "lowest index" else mask.ravel()[::-1]
    kept = int(flat.sum())
    stray = np.flatnonzero(~flat[:kept])
    if stray.size:
        raise Violation(
            "ties-differ",
            f"{what} of equal scores keeps {kept}, but not those of {contract.ties}: "
            f"{stray.size} of them are removed, first at position {int(stray[0])} in that order",
        )
