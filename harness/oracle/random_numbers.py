"""Numbers that are the same on every NumPy, torch, platform and day.

Seeds alone are not enough: what a generator makes of its seed changes between releases. These
bits are those of SHAKE-256 (FIPS 202) over a name.
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
    """Integers from 0 up to `below` (exclusive), int64, of `shape`."""
    words = np.frombuffer(_digest(name, 8 * max(1, math.prod(shape))), dtype="<u8")
    return (words[: math.prod(shape)] % np.uint64(below)).astype(np.int64).reshape(shape)


@lru_cache(maxsize=1024)
def _digest(name: str, size: int) -> bytes:
    """Kept, as the same model is made again and again in one case."""
    return hashlib.shake_256(name.encode()).digest(size)


def reals(name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Float64 numbers strictly between -1 and 1, none zero, each exact in float32, of `shape`."""
    steps = integers(name, shape, 2**23)
    return (steps.astype(np.float64) * 2 + 1) / 2**23 - 1


def choice(name: str, options: Sequence[T]) -> T:
    """One of `options`."""
    return options[int(integers(name, (1,), len(options))[0])]
