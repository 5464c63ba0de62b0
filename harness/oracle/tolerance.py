"""How far an output may be from the oracle's: one table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tolerance:
    """|seen - expected| <= absolute + relative * |expected|."""

    relative: float
    absolute: float


_CPU = {
    "float64": Tolerance(1e-12, 1e-12),
    "float32": Tolerance(1e-5, 1e-5),
    "bfloat16": Tolerance(5e-2, 5e-2),
    "float16": Tolerance(5e-3, 5e-3),
}

TABLE: dict[tuple[str, str], Tolerance] = {("cpu", dtype): bound for dtype, bound in _CPU.items()}
"""By device type and dtype. Outputs here are of the order of one; a weight in use is compared exactly."""


def tolerance(device: str, dtype: str) -> Tolerance:
    """The bounds for outputs of `dtype` on `device`; every accelerator has the CPU's, TF32 being off.

    Raises:
        KeyError: no bound is known for the dtype.
    """
    return TABLE.get((device, dtype)) or TABLE["cpu", dtype]
