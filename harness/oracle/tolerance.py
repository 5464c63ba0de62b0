"""The allowed difference between an output and the oracle's."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Tolerance(NamedTuple):
    """The bound |seen - expected| <= absolute + relative * |expected|."""

    relative: float
    absolute: float


_CPU = {
    "float64": Tolerance(1e-12, 1e-12),
    "float32": Tolerance(1e-5, 1e-5),
    "bfloat16": Tolerance(5e-2, 5e-2),
    "float16": Tolerance(5e-3, 5e-3),
}

TABLE: Mapping[tuple[str, str], Tolerance] = MappingProxyType({("cpu", dtype): one for dtype, one in _CPU.items()})
"""Bounds by device type and dtype, for outputs of the order of one. Weights in use are compared exactly."""


def tolerance(device: str, dtype: str) -> Tolerance:
    """Return the bounds for outputs of `dtype` on `device`; accelerators have those of the CPU, since TF32 is off.

    Raises:
        KeyError: No bound is known for the dtype.
    """
    return TABLE.get((device, dtype)) or TABLE["cpu", dtype]
