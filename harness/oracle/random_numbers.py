"""Deterministic random numbers, identical on every platform and library version.

A seed alone does not suffice, because generators change between releases. The bits are those of SHAKE-256 (FIPS 202)
over a name.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


def integers(name: str, shape: tuple[int, ...], below: int) -> NDArray[np.int64]:
    """Return int64 integers of `shape` from 0 to `below` (exclusive).

    Args:
        name: The string that the numbers are derived from.
        shape: The shape of the array.
        below: The exclusive upper bound.
    """
    words = np.frombuffer(_digest(name, 8 * max(1, math.prod(shape))), dtype="<u8")[: math.prod(shape)]
    rests = words & np.uint64(below - 1) if below.bit_count() == 1 else words % np.uint64(below)
    return rests.astype(np.int64).reshape(shape)


@lru_cache(maxsize=1024)
def _digest(name: str, size: int) -> bytes:
    """Return `size` bytes for a name, cached because one case builds the same model many times."""
    return hashlib.shake_256(name.encode()).digest(size)


def reals(name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return float64 numbers of `shape` between -1 and 1 (exclusive), never zero, each exact in float32."""
    steps = integers(name, shape, 2**23)
    return (steps.astype(np.float64) * 2 + 1) / 2**23 - 1


def choice(name: str, options: Sequence[T]) -> T:
    """Return one of `options`."""
    return options[int(integers(name, (1,), len(options))[0])]
