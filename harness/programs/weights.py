"""The values of a program's weights: exact in every dtype, so that a ranking is exact."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..oracle import random_numbers
from ..oracle.units import Reals
from ..values.program import Dtype, Values

_BITS = {"float64": 52, "float32": 23, "bfloat16": 7, "float16": 10}
"""By dtype, the bits of the fraction: integers up to two to their power plus one are exact."""

_SMALLEST = {"float64": 1060, "float32": 140, "bfloat16": 130, "float16": 20}
"""By dtype, the negative power of two by which an integer becomes subnormal."""

_RANGE = {"float64": 80, "float32": 80, "bfloat16": 80, "float16": 12}
"""By dtype, the negative power of two down to which values over a wide range go. None is large, so that outputs and
gradients neither overflow nor cancel to rounding alone."""


@lru_cache(maxsize=256)
def draw(name: str, shape: tuple[int, ...], kind: Values, dtype: Dtype) -> Reals:
    """Return values for one parameter, float64 and read-only, each exact in `dtype`.

    Args:
        name: The string from which the values are drawn.
        shape: The shape of the parameter.
        kind: The kind of values.
        dtype: The dtype of the model.
    """
    size = math.prod(shape)
    signs = np.where(_order(f"{name} signs", size) % 2 == 0, -1.0, 1.0)
    values = signs * _magnitudes(name, size, kind, dtype)
    scale = 2.0 ** -round(math.log2(max(1, size / shape[0])) / 2) if kind not in ("subnormal", "wide") else 1.0
    scaled: Reals = (values * scale).reshape(shape)
    scaled.flags.writeable = False
    return scaled


def _magnitudes(name: str, size: int, kind: Values, dtype: Dtype) -> Reals:
    if kind == "few":
        return (_order(f"{name} few", size) % 3 + 1) / 4
    if kind == "equal":
        return np.full(size, 0.5)
    distinct = _distinct(name, size, dtype)
    if kind == "distinct":
        return distinct
    order = _order(f"{name} places", size)
    if kind == "zeros":
        distinct[order[: size // 3]] = 0.0
    elif kind in ("nan", "infinite"):
        distinct[order[:1]] = np.nan if kind == "nan" else np.inf
    elif kind == "subnormal":
        distinct = np.ceil(distinct * 16) * 2.0 ** -_SMALLEST[dtype]
    elif kind == "wide":
        distinct = (1 + np.floor(distinct * 16) / 16) * 2.0 ** -(order % (_RANGE[dtype] + 1))
    return distinct


def _distinct(name: str, size: int, dtype: Dtype) -> Reals:
    """Return numbers from 0 to 1, all different if the dtype has as many."""
    steps = 1 << min(_BITS[dtype], max(5, math.ceil(math.log2(size + 1))))
    return ((_order(name, size) % steps) + 1) / steps


def _order(name: str, size: int) -> NDArray[np.int64]:
    """Return a permutation of the numbers below `size`, which depends on the name."""
    base = _permutation(size)
    start = int(random_numbers.integers(name, (1,), size)[0])
    return np.roll(base, start)[base]


@lru_cache(maxsize=256)
def _permutation(size: int) -> NDArray[np.int64]:
    """Return a permutation of the numbers below `size`, cached because sorting is slow."""
    order: NDArray[np.int64] = np.argsort(random_numbers.integers("permutation", (size,), 2**62), kind="stable")
    order.flags.writeable = False
    return order
