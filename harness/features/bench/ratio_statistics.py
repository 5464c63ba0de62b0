"""Statistics of paired times: the median ratio, its confidence interval, and the number of pairs needed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...values.timing import Ratio

MISS = 0.01
"""The probability with which the true median may lie beyond one end of an interval."""

FEWEST = 7
"""The fewest pairs whose widest interval misses with a probability of at most `MISS`: 0.5 ** 7 < 0.01."""

_NORMAL_QUANTILE = 2.326
"""The 99 % quantile of the normal distribution."""

_MEDIAN_STD_OVER_MEAN_STD = 1.2533
"""The standard deviation of a median over that of a mean, of normally distributed values."""

_STD_OVER_MAD = 1.4826
"""The standard deviation of normally distributed values over their median absolute deviation."""


def ratio(own: Sequence[float], rivals: Sequence[float]) -> Ratio:
    """Return the median ratio of paired times with its confidence interval.

    The interval uses order statistics: it is exact for every distribution of times and, unlike a bootstrap,
    deterministic.

    Args:
        own: Seconds, above zero.
        rivals: Seconds, above zero, one per element of `own`.

    Raises:
        ValueError: There are no pairs, or the lengths differ.
    """
    if not own or len(own) != len(rivals):
        raise ValueError(f"{len(own)} times against {len(rivals)} are no pairs")
    logarithms = np.sort(np.log(np.asarray(own) / np.asarray(rivals)))
    reach = discarded_at_each_end(len(own))
    low, high = logarithms[reach], logarithms[len(own) - 1 - reach]
    tenths = np.quantile(own, 0.1) / np.quantile(rivals, 0.1)
    return Ratio(math.exp(np.median(logarithms)), math.exp(low), math.exp(high), float(tenths), len(own))


def discarded_at_each_end(pairs: int) -> int:
    """Return how many of the smallest, and of the largest, of `pairs` sorted values lie outside the interval.

    It is the largest number for which the true median lies beyond that end with a probability of at most `MISS`, or 0.
    """
    probability, reach = 0.5**pairs, 0
    total = probability
    while total <= MISS:
        probability *= (pairs - reach) / (reach + 1)
        reach += 1
        total += probability
    return max(reach - 1, 0)


def pairs_for(logarithms: Sequence[float], precision: float) -> int:
    """Estimate the number of pairs needed for an interval of a given precision.

    Args:
        logarithms: The logarithms of the first few ratios.
        precision: The wished half width of the interval, as a fraction of the median.
    """
    values = np.asarray(logarithms)
    spread = float(np.median(np.abs(values - np.median(values)))) * _STD_OVER_MAD
    return max(FEWEST, math.ceil((_NORMAL_QUANTILE * _MEDIAN_STD_OVER_MEAN_STD * spread / precision) ** 2))


def is_above(found: Ratio, allowance: float) -> bool:
    """Return whether a ratio is significantly above `1 + allowance`.

    Both the lower end of its interval and the ratio of the 10 % quantiles must be above it.
    """
    return found.pairs >= FEWEST and min(found.low, found.quantile) > 1 + allowance
