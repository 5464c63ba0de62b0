"""What pairs of times say: a ratio, how sure it is, and how many pairs it takes to be as sure as is wished."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...values.timing import Ratio

MISS = 0.01
"""The probability with which either end of an interval may miss."""

FEWEST = 7
"""Pairs below which no interval of theirs misses as rarely as that: half to the seventh is less than a hundredth."""

_SURE, _SPREAD_OF_MEDIAN, _DEVIATIONS = 2.326, 1.2533, 1.4826
"""Of the normal distribution: the quantile of 99 %, the spread of a median over that of a mean, and the standard
deviation over the median absolute deviation."""


def ratio(own: Sequence[float], rivals: Sequence[float]) -> Ratio:
    """Of paired times, all above zero.

    The interval is that of order statistics, which holds whatever the times' distribution, is exact, and draws nothing
    at random, as a bootstrap would.

    Raises:
        ValueError: there are no pairs, or a time without its pair.
    """
    if not own or len(own) != len(rivals):
        raise ValueError(f"{len(own)} times against {len(rivals)} are no pairs")
    logarithms = np.sort(np.log(np.asarray(own) / np.asarray(rivals)))
    reach = missed_by(len(own))
    low, high = logarithms[reach], logarithms[len(own) - 1 - reach]
    tenths = np.quantile(own, 0.1) / np.quantile(rivals, 0.1)
    return Ratio(math.exp(np.median(logarithms)), math.exp(low), math.exp(high), float(tenths), len(own))


def missed_by(pairs: int) -> int:
    """The largest number of smallest (and of largest) of so many values that may be left out, so that the median of
    what they are drawn from lies beyond with a probability of `MISS` at most; none where even that cannot be had."""
    probability, reach = 0.5**pairs, 0
    total = probability
    while total <= MISS:
        probability *= (pairs - reach) / (reach + 1)
        reach += 1
        total += probability
    return max(reach - 1, 0)


def pairs_for(logarithms: Sequence[float], precision: float) -> int:
    """How many pairs it takes until the interval reaches no further than `precision` (a fraction) to either side, as
    far as the first few tell."""
    values = np.asarray(logarithms)
    spread = float(np.median(np.abs(values - np.median(values)))) * _DEVIATIONS
    return max(FEWEST, math.ceil((_SURE * _SPREAD_OF_MEDIAN * spread / precision) ** 2))


def is_above(found: Ratio, allowance: float) -> bool:
    """Whether a ratio is surely above one by more than `allowance` (a fraction): the bound of its median and the ratio
    of the tenth parts both are."""
    return found.pairs >= FEWEST and min(found.low, found.quantile) > 1 + allowance
