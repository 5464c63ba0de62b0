"""Assert that an update of a program has removed the right number of units, and the right ones."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ..oracle import compare
from ..oracle.ranking import (
    SLACK,
    Ranking,
    assert_count,
    assert_highest_kept,
    assert_subset,
    assert_ties,
    expected_units,
    extremes_by_group,
    kept_units,
    rankings,
)
from ..oracle.units import Mask, Reals, Units, fixed_mask, unit_scores
from ..values.contract import Contract
from ..values.plan import Plan

_SMALLEST_SQUARE = {"float64": 2.0**-1022, "float32": 2.0**-126, "bfloat16": 2.0**-126, "float16": 2.0**-24}
"""By dtype, the size up to which the square of a number may be lost. In float16 torch computes more exactly, and rounds
at the end."""


def assert_masks_follow_plan(
    plan: Plan, masks: Mapping[str, Mask], before: Mapping[str, Mask] | None, dense: Mapping[str, Reals],
    contract: Contract, dtype: str,
) -> None:
    """Assert that the masks after an update are what the plan, the weights and the contract demand.

    Args:
        plan: The plan, at the levels of this update.
        masks: The masks after the update.
        before: The masks before it; None if it was the first.
        dense: The weights that were ranked, float64.
        contract: The declared contract.
        dtype: The name of the weights' dtype.

    Raises:
        Violation: The number is different (`count-differs`), a unit is kept in part (`unit-broken`), another unit is
            kept (`kept-differs`), another one among equals (`ties-differ`), a removed one came back (`regrown`), or a
            stated mask is not applied (`mask-differs`).
    """
    for name, one in plan.patterns.items():
        if (stated := fixed_mask(one, dense[name].shape)) is not None:
            compare.assert_equal(masks[name], stated, "mask-differs", f"mask of {name}")
    if before is not None and contract.regrowth == "monotone":
        assert_subset(masks, before, "regrown", "was removed before and came back")
    computed = Plan({name: one for name, one in plan.patterns.items() if fixed_mask(one, dense[name].shape) is None},
                    plan.scope)
    if computed.patterns:
        _assert_computed(computed, masks, before, dense, contract, dtype)


def _assert_computed(
    plan: Plan, masks: Mapping[str, Mask], before: Mapping[str, Mask] | None, dense: Mapping[str, Reals],
    contract: Contract, dtype: str,
) -> None:
    earlier = None if before is None else [*rankings(plan, before, dense)]
    for position, one in enumerate(rankings(plan, masks, dense)):
        past = None if earlier is None else earlier[position].mask
        cut = expected_units(one, contract, past)
        assert_count(one.mask, cut, one.description)
        if contract.ranks_by_magnitude:
            _assert_ranked(one, past, cut, contract, dtype)


def _assert_ranked(one: Ranking, past: Mask | None, cut: Units, contract: Contract, dtype: str) -> None:
    weight = one.weight if past is None or contract.regrowth == "free" else np.where(past, one.weight, 0.0)
    has_nan = bool(np.isnan(weight).any())
    compared = without_nan(one.mask, weight, cut) if has_nan else weight
    floor = rounding_floor(compared, cut, contract, dtype)
    assert_highest_kept(one.mask, compared, cut, contract, dtype, one.description, floor)
    is_fine = not has_nan and (not floor or bool((np.square(weight[weight != 0]) > floor).all()))
    if len(one.names) == 1 and cut.count == weight.size and is_fine:
        _assert_ties_kept(one, weight, cut, contract)


def rounding_floor(weight: Reals, cut: Units, contract: Contract, dtype: str) -> float:
    """Return the score below which rounding decides, since squares of small numbers underflow in the weights' dtype.

    A unit of n entries loses up to n times the smallest square. Above the floor, that is less than the slack of sums.
    """
    if contract.score != "magnitude-l2" or not cut.count:
        return 0.0
    return _SMALLEST_SQUARE[dtype] * math.ceil(weight.size / cut.count) / SLACK[dtype]


def without_nan(mask: Mask, weight: Reals, cut: Units) -> Reals:
    """Return a weight whose units with a NaN are right wherever they are: a NaN may rank highest or lowest.

    Those that are kept score highest and those that are removed lowest, so that only the others are compared.
    """
    inside = cut.index >= 0
    has_nan = np.bincount(cut.index[inside], weights=np.isnan(weight[inside]), minlength=cut.count) > 0
    excused = np.zeros_like(mask)
    excused[inside] = has_nan[cut.index[inside]]
    return np.where(excused, np.where(mask, np.inf, 0.0), weight)


def _assert_ties_kept(one: Ranking, weight: Reals, cut: Units, contract: Contract) -> None:
    """Assert for each group that among the units that score as the last kept one, the declared ones are kept."""
    kept, scores = kept_units(one.mask, cut, one.description), unit_scores(weight, cut, contract)
    lowest, highest = extremes_by_group(scores, kept, cut)
    tied = np.flatnonzero((scores == lowest[cut.groups]) & (lowest == highest)[cut.groups])
    order = tied[np.argsort(cut.groups[tied], kind="stable")]
    groups, ranked = cut.groups[order], kept[order]
    keeps_first, keeps_last = ranked[:-1] & ~ranked[1:], ~ranked[:-1] & ranked[1:]
    stray = (keeps_last if contract.ties == "lowest index" else keeps_first) & (groups[:-1] == groups[1:])
    if contract.ties != "any" and stray.any():
        own = groups == groups[int(np.argmax(stray))]
        assert_ties(ranked[own], contract, one.description)
