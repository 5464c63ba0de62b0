"""Differences between stored tensors and newly computed ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .mask_picture import picture
from .tolerance import tolerance
from .ulps import differing_bits, ulps

Arrays = Mapping[str, NDArray[Any]]


FIRST = 3
"""The number of differing indices that a change reports."""


@dataclass(frozen=True)
class Change:
    """One tensor that was added, removed or changed.

    Attributes:
        name: The tensor's name.
        kind: The change.
        count: The number of entries that differ.
        size: The number of all entries.
        largest: The largest absolute difference.
        mean: The mean absolute difference over the entries that differ.
        indices: The indices of the first differences.
        ulp: The largest difference in ULP; None for integers and booleans.
        picture: A drawing of both masks, for booleans.
        form: Shape and dtype before and after, where these differ; all entries then count as different.
    """

    name: str
    kind: Literal["added", "removed", "changed"]
    count: int
    size: int
    largest: float = 0.0
    mean: float = 0.0
    indices: tuple[tuple[int, ...], ...] = ()
    ulp: int | None = None
    picture: tuple[str, ...] = ()
    form: str = ""

    def __str__(self) -> str:
        if self.kind != "changed":
            return f"{self.name} {self.kind}, {self.size} entries"
        if self.form:
            return f"{self.name} changed from {self.form}"
        return (
            f"{self.name} changed at {self.count} of {self.size} entries, first at {self.indices[0]}, "
            f"largest difference {self.largest:.3g}"
        )


@dataclass(frozen=True)
class LastBits:
    """A tensor that is equal within tolerance, but not in every bit; `ulp` is as in `Change`."""

    name: str
    count: int
    size: int
    ulp: int

    def __str__(self) -> str:
        by = f"by at most {self.ulp} ULP" if self.ulp else "in the sign of a zero"
        return f"{self.name}: {self.count} of {self.size} entries differ in the last bits, {by}"


def changes(before: Arrays, after: Arrays) -> tuple[Change, ...]:
    """Return every tensor that differs, sorted by name.

    Float64 values are compared within tolerance, because oracles sum them in an order that depends on the machine; all
    others exactly.
    """
    found = []
    for name in sorted({*before, *after}):
        if name not in before:
            found.append(Change(name, "added", after[name].size, after[name].size))
        elif name not in after:
            found.append(Change(name, "removed", before[name].size, before[name].size))
        elif change := _changed(name, before[name], after[name]):
            found.append(change)
    return tuple(found)


def _changed(name: str, before: NDArray[Any], after: NDArray[Any]) -> Change | None:
    was, becomes = (f"{array.dtype} of shape {array.shape}" for array in (before, after))
    if was != becomes:
        return Change(name, "changed", after.size, after.size, form=f"{was} to {becomes}")
    agree = _agreement(before, after)
    if agree.all():
        return None
    wrong = ~agree
    gaps = np.abs(after[wrong].astype(np.float64) - before[wrong].astype(np.float64))
    indices = tuple(tuple(int(i) for i in index) for index in np.argwhere(wrong)[:FIRST])
    return Change(
        name, "changed", int(wrong.sum()), agree.size, float(gaps.max()), float(gaps.mean()), indices,
        ulp=int(ulps(before[wrong], after[wrong]).max()) if before.dtype.kind == "f" else None,
        picture=picture(before, after) if before.dtype == np.bool_ else (),
    )


def last_bits(before: Arrays, after: Arrays) -> tuple[LastBits, ...]:
    """Return every float tensor that `changes` finds equal, but whose bits differ."""
    return tuple(
        found
        for name in sorted({*before} & {*after})
        if _is_float(before[name], after[name]) and (found := _in_last_bits(name, before[name], after[name]))
    )


def _is_float(before: NDArray[Any], after: NDArray[Any]) -> bool:
    return before.dtype.kind == "f" and (before.dtype, before.shape) == (after.dtype, after.shape)


def _in_last_bits(name: str, before: NDArray[Any], after: NDArray[Any]) -> LastBits | None:
    other = differing_bits(before, after) & _agreement(before, after)
    if not other.any():
        return None
    return LastBits(name, int(other.sum()), other.size, int(ulps(before[other], after[other]).max()))


def _agreement(before: NDArray[Any], after: NDArray[Any]) -> NDArray[np.bool_]:
    if before.dtype != np.float64:
        return np.asarray(before == after)
    bound = tolerance("cpu", "float64")
    return np.asarray(np.isclose(before, after, rtol=bound.relative, atol=bound.absolute))
