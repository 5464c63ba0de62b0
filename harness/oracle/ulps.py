"""Distances between floats in units in the last place (ULP)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_BITS = {2: np.uint16, 4: np.uint32, 8: np.uint64}


def ulps(before: NDArray[Any], after: NDArray[Any]) -> NDArray[np.uint64]:
    """Return, per entry, the number of floats between two arrays of one float dtype and shape.

    The distance is 0 where either entry is NaN, and between the two zeros.
    """
    one, other = _ordered(before), _ordered(after)
    apart = np.where(one > other, one - other, other - one)
    return np.where(np.isnan(before) | np.isnan(after), np.uint64(0), apart)


def _ordered(values: NDArray[Any]) -> NDArray[np.uint64]:
    """Map floats to unsigned integers in the same order, so that neighbouring floats differ by one."""
    size = values.dtype.itemsize
    bits = np.ascontiguousarray(values).view(_BITS[size]).astype(np.uint64)
    sign = np.uint64(1 << (8 * size - 1))
    magnitude = bits & (sign - np.uint64(1))
    return np.where(bits & sign != 0, sign - magnitude, sign + magnitude)


def differing_bits(before: NDArray[Any], after: NDArray[Any]) -> NDArray[np.bool_]:
    """Return, per entry, whether two arrays of one dtype and shape differ in any bit."""
    unsigned = np.dtype(f"u{before.dtype.itemsize}")
    return np.asarray(np.ascontiguousarray(before).view(unsigned) != np.ascontiguousarray(after).view(unsigned))


def describe_bit_changes(before: NDArray[Any], after: NDArray[Any]) -> str:
    """Describe how many entries of two float arrays differ bitwise; return an empty string if none do."""
    other = differing_bits(before, after)
    if not other.any():
        return ""
    return f"{other.sum()} of {other.size} entries differ in the last bits, by at most {ulps(before, after).max()} ULP"
