"""Assert that an update has removed the right number of channels, and the right ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ...oracle.channels import Groups
from ...oracle.ranking import assert_count, assert_highest_kept
from ...oracle.units import Mask, Reals, Units, total_removed, unit_scores
from ...values.contract import Contract
from ...values.pattern import Channel
from ...values.plan import Plan
from ...values.violation import Violation
from ..ranking import rounding_floor, without_nan


@dataclass(frozen=True)
class Channels:
    """The output channels of the planned weights that are ranked together.

    Attributes:
        names: The planned names.
        level: The level.
        weight: The weights before the update, flat and concatenated, zero where channels are gone.
        owners: Per channel, the number of its weight in `names`.
        index: Per entry of `weight`, the number of its channel.
        alive: Per channel, whether it was there before the update.
    """

    names: tuple[str, ...]
    level: float
    weight: Reals
    owners: Groups
    index: Groups
    alive: Mask

    @property
    def words(self) -> str:
        """Return the subject of a message."""
        return f"the update of {' and '.join(self.names)}{' together' if len(self.names) > 1 else ''}"

    def units(self, contract: Contract) -> Units:
        """Return the channels as units, with the number of them that must be gone after the update."""
        gone = int((~self.alive).sum())
        removed = max(gone, total_removed(self.level, len(self.alive), contract, gone))
        return Units(self.index, np.zeros(len(self.alive), dtype=np.int64), (removed,))

    def scores(self, contract: Contract) -> Reals:
        """Return the declared score of each channel."""
        return unit_scores(self.weight, self.units(contract), contract)


def rankings(plan: Plan, dense: Mapping[str, Reals], before: Mapping[str, Mask]) -> Iterator[Channels]:
    """Yield the channels of each planned weight, or of all together if the plan ranks them so.

    Args:
        plan: The plan, at the levels of this update.
        dense: The weights before the update, in the dense shape.
        before: Which output channels were there before the update.
    """
    for names in [plan.names] if plan.scope == "all" else [(name,) for name in plan.names]:
        first = plan.patterns[names[0]]
        assert isinstance(first, Channel)
        sizes = [dense[name][0].size for name in names for _ in dense[name]]
        yield Channels(
            names, first.level,
            np.concatenate([dense[name].ravel() for name in names]),
            np.concatenate([np.full(len(dense[name]), number) for number, name in enumerate(names)]),
            np.repeat(np.arange(len(sizes)), sizes),
            np.concatenate([before[name] for name in names]),
        )


def assert_removed(
    one: Channels, late: Channels, kept: Mask, contract: Contract, dtype: str, *, is_ranked: bool, has_exact_ties: bool
) -> None:
    """Assert that the right number of channels is gone, and those with the lowest scores.

    Args:
        one: The channels before the update.
        late: The same channels, without the inputs that this update has removed: a sparsifier may remove the channels
            of one layer before it ranks those of the next.
        kept: Which of them remain.
        contract: The declared contract.
        dtype: The name of the weights' dtype.
        is_ranked: Whether the scores are known; that of a channel with a NaN is not, wherever it ranks.
        has_exact_ties: Whether scores that tie are equal in every order of summation.

    Raises:
        Violation: The number is different (`count-differs`), another channel is kept (`kept-differs`), or another one
            among equals (`ties-differ`).
    """
    cut = one.units(contract)
    mask = np.asarray(kept[one.index])
    assert_count(mask, cut, one.words)
    if not is_ranked:
        return
    ranked = one
    try:
        _assert_highest_kept(one, mask, cut, contract, dtype)
    except Violation:
        if np.array_equal(one.weight, late.weight, equal_nan=True):
            raise
        ranked = late
        _assert_highest_kept(late, mask, cut, contract, dtype)
    if has_exact_ties and len(one.names) == 1:
        _assert_ties(ranked, kept, contract)


def _assert_highest_kept(one: Channels, mask: Mask, cut: Units, contract: Contract, dtype: str) -> None:
    compared = without_nan(mask, one.weight, cut) if np.isnan(one.weight).any() else one.weight
    floor = rounding_floor(compared, cut, contract, dtype)
    assert_highest_kept(mask, compared, cut, contract, dtype, one.words, floor)


def _assert_ties(one: Channels, kept: Mask, contract: Contract) -> None:
    """Assert that among the channels that score as the last kept one, those that are declared are kept."""
    scores = one.scores(contract)
    if contract.ties == "any" or not kept.any():
        return
    tied = np.flatnonzero(one.alive & (scores == scores[kept].min()))
    ranked = kept[tied] if contract.ties == "lowest index" else kept[tied][::-1]
    if (~ranked[:-1] & ranked[1:]).any():
        seen = f"keeps {tied[kept[tied]].tolist()} of {len(tied)} output channels with equal scores"
        raise Violation("ties-differ", f"{one.words} {seen}, and not those of {contract.ties}")


def emptied(one: Channels, contract: Contract, *, is_ranked: bool) -> str:
    """Return the name of a weight of which an update would leave no channel; empty if there is none, or none is known.

    Args:
        one: The channels before the update.
        contract: The declared contract.
        is_ranked: Whether the scores are known.
    """
    removed = one.units(contract).removed[0]
    if removed >= len(one.alive):
        return one.names[0]
    if not is_ranked or np.isnan(one.weight).any():
        return ""
    scores = np.where(one.alive, one.scores(contract), -1.0)
    left = np.argsort(scores, kind="stable")[removed:]
    missing = {*range(len(one.names))} - {*one.owners[left].tolist()}
    return one.names[min(missing)] if missing else ""
