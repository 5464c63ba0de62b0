"""A mask before and after, in characters. No torch here."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LEGEND = "# kept, . removed, + newly kept, - newly removed"
ROWS, COLUMNS = 16, 64
"""As much as is shown of one mask."""

_CHARACTERS = np.array([[".", "+"], ["-", "#"]])
"""By whether an entry was kept, and is."""


def picture(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> tuple[str, ...]:
    """A line for each row of two masks of one shape, and last which part is shown where that is not all; the first
    dimension runs down, all others across. What is shown holds the first entry that differs."""
    drawn = _matrix(_CHARACTERS[before.astype(np.intp), after.astype(np.intp)])
    if not drawn.size:
        return ()
    differs = _matrix(before != after)
    first = np.argwhere(differs)[0] if differs.any() else (0, 0)
    rows, columns = (_window(int(at), size, most)
                     for at, size, most in zip(first, drawn.shape, (ROWS, COLUMNS), strict=True))
    lines = ["".join(line) for line in drawn[rows, columns]]
    if drawn[rows, columns].size < drawn.size:
        outside = int(differs.sum() - differs[rows, columns].sum())
        lines.append(
            f"rows {rows.start} to {rows.stop - 1} of {len(drawn)}, columns {columns.start} to {columns.stop - 1} of "
            f"{drawn.shape[1]}; {outside} more entries that differ are not shown"
        )
    return tuple(lines)


def _matrix(array: NDArray[Any]) -> NDArray[Any]:
    if not array.size:
        return array.reshape(0, 0)
    return array.reshape(array.shape[0], -1) if array.ndim > 1 else array.reshape(1, -1)


def _window(at: int, size: int, most: int) -> slice:
    """Where `at` stands a quarter in, if there is as much beside it."""
    start = max(0, min(at - most // 4, size - most))
    return slice(start, min(start + most, size))
