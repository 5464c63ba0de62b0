"""The values of a program's weights: exact in every dtype, so that a ranking is exact."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..oracle.random_numbers import integers, reals
from ..oracle.units import Reals
from ..values.program import Dtype, Program, ProgramLayer, Values
from ..values.program_json import AnyProgram

_BITS = {"float64": 52, "float32": 23, "bfloat16": 7, "float16": 10}
"""By dtype, the bits of the fraction: integers up to two to their power plus one are exact."""

_FINE = 16
"""The bits of values without ties; in a dtype with fewer, such values are merely distinct."""

_SMALLEST = {"float64": 1060, "float32": 140, "bfloat16": 130, "float16": 20}
"""By dtype, the negative power of two by which an integer becomes subnormal."""

_RANGE = {"float64": 80, "float32": 80, "bfloat16": 80, "float16": 12}
"""By dtype, the negative power of two down to which values over a wide range go. None is large, so that outputs and
gradients neither overflow nor cancel to rounding alone."""


def values_of(program: AnyProgram, name: str, salt: str, shape: tuple[int, ...], kind: Values, dtype: str) -> Reals:
    """Return values for one parameter of a program, float64, each exact in `dtype`.

    Args:
        program: The program, whose layer may have the values of another one, multiplied or in another order.
        name: The fully qualified name of the parameter.
        salt: The string from which values are drawn.
        shape: The shape of the parameter.
        kind: The kind of values.
        dtype: The dtype of the model.
    """
    layer = _layer_of(program, name)
    if layer is None:
        return draw(f"{salt} {name}", shape, kind, dtype)
    if layer.kind == "identity":
        return np.eye(shape[0])
    values = draw(f"{salt} {drawn_name(program, name)}", shape, kind, dtype)
    if layer.factor != 1:
        values = values * layer.factor
    return values[::-1].copy() if layer.reverses else values


def drawn_name(program: AnyProgram, name: str) -> str:
    """Return the name from which the values of a parameter are drawn."""
    layer = _layer_of(program, name)
    return f"{layer.like}{name.removeprefix(layer.name)}" if layer is not None and layer.like else name


def _layer_of(program: AnyProgram, name: str) -> ProgramLayer | None:
    """Return the layer whose values may be those of another one; the structural profile has none."""
    return program.layer_of(name) if isinstance(program, Program) else None


@lru_cache(maxsize=256)
def draw(name: str, shape: tuple[int, ...], kind: Values, dtype: Dtype) -> Reals:
    """Return values for one parameter, float64 and read-only, each exact in `dtype`.

    Args:
        name: The string from which the values are drawn.
        shape: The shape of the parameter.
        kind: The kind of values.
        dtype: The dtype of the model.
    """
    values = distinct(name, shape, dtype) if kind == "distinct" else _others(name, shape, kind, dtype)
    values.flags.writeable = False
    return values


def _others(name: str, shape: tuple[int, ...], kind: Values, dtype: Dtype) -> Reals:
    size = math.prod(shape)
    values = _signs(name, size, kind) * _magnitudes(name, size, kind, dtype)
    scaled: Reals = values * (1.0 if kind in ("subnormal", "wide") else _scale(shape))
    return scaled.reshape(shape)


def distinct(name: str, shape: tuple[int, ...], dtype: Dtype) -> Reals:
    """Return values of which no two have the same magnitude if the dtype has as many, as `draw` does."""
    size = math.prod(shape)
    values: Reals = _signs(name, size, "distinct") * _distinct(name, size, dtype) * _scale(shape)
    return values.reshape(shape)


def _signs(name: str, size: int, kind: Values) -> Reals:
    """Return the signs: half of them negative, but none if all values are equal, and in one parameter of four."""
    if kind == "equal" or int(integers(f"{name} positive", (1,), 4)[0]) == 0:
        return np.ones(size)
    return np.where(_order(f"{name} signs", size) % 2 == 0, -1.0, 1.0)


def _scale(shape: tuple[int, ...]) -> float:
    return 2.0 ** -round(math.log2(max(1, math.prod(shape) / shape[0])) / 2)


def _magnitudes(name: str, size: int, kind: Values, dtype: Dtype) -> Reals:
    if kind == "few":
        return (_order(f"{name} few", size) % 3 + 1) / 4
    if kind == "equal":
        return np.full(size, 0.5)
    if kind == "untied" and _BITS[dtype] > _FINE:
        return _untied(name, size)
    values = _distinct(name, size, dtype)
    order = _order(f"{name} places", size)
    if kind == "zeros":
        values[order[: size // 3]] = 0.0
    elif kind in ("nan", "infinite"):
        values[order[:1]] = np.nan if kind == "nan" else np.inf
    elif kind == "subnormal":
        values = np.ceil(values * 16) * 2.0 ** -_SMALLEST[dtype]
    elif kind == "wide":
        values = (1 + np.floor(values * 16) / 16) * 2.0 ** -(order % (_RANGE[dtype] + 1))
    return values


def _distinct(name: str, size: int, dtype: Dtype) -> Reals:
    """Return numbers from 0 to 1, all different if the dtype has as many."""
    steps = 1 << min(_BITS[dtype], max(5, math.ceil(math.log2(size + 1))))
    return ((_order(name, size) % steps) + 1) / steps


def _untied(name: str, size: int) -> Reals:
    """Return numbers from 0 to 1, all different, and so fine that sums of a few hundred hardly tie."""
    places = (_order(name, size) + reals(f"{name} offsets", (size,)) / 2) / size
    values: Reals = (np.floor(places * 2**_FINE) + 1) / 2**_FINE
    return values


def _order(name: str, size: int) -> NDArray[np.int64]:
    """Return a permutation of the numbers below `size`, which depends on the name."""
    base = _permutation(size)
    start = int(integers(name, (1,), size)[0])
    return np.roll(base, start)[base]


@lru_cache(maxsize=256)
def _permutation(size: int) -> NDArray[np.int64]:
    """Return a permutation of the numbers below `size`, cached because sorting is slow."""
    order: NDArray[np.int64] = np.argsort(integers("permutation", (size,), 2**62), kind="stable")
    order.flags.writeable = False
    return order
