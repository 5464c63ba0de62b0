"""What differs between stored tensors and those made anew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..judging.tolerance import tolerance

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Change:
    """One tensor that was added, removed or changed.

    count: how many entries differ, of size. largest: the largest difference. first: the first index that differs.
    form: where shape or dtype differ, which were and which are to be; then all entries count as different.
    """

    name: str
    kind: Literal["added", "removed", "changed"]
    count: int
    size: int
    largest: float = 0.0
    first: tuple[int, ...] = ()
    form: str = ""

    def __str__(self) -> str:
        if self.kind != "changed":
            return f"{self.name} {self.kind}, {self.size} entries"
        if self.form:
            return f"{self.name} changed from {self.form}"
        return (
            f"{self.name} changed at {self.count} of {self.size} entries, first at {self.first}, "
            f"largest difference {self.largest:.3g}"
        )


def changes(before: Arrays, after: Arrays) -> tuple[Change, ...]:
    """Every tensor that is not the same in both, by name. Float64 is what oracles sum up, in an order that is
    the machine's, and compared within tolerance; all else exactly."""
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
    gap = np.where(agree, 0.0, np.abs(after.astype(np.float64) - before.astype(np.float64)))
    first = tuple(int(i) for i in np.argwhere(~agree)[0])
    return Change(name, "changed", int((~agree).sum()), agree.size, float(gap.max()), first)


def _agreement(before: NDArray[Any], after: NDArray[Any]) -> NDArray[np.bool_]:
    if before.dtype != np.float64:
        return np.asarray(before == after)
    bound = tolerance("cpu", "float64")
    return np.asarray(np.isclose(before, after, rtol=bound.relative, atol=bound.absolute))
