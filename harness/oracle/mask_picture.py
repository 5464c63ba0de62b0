"""Draw a mask before and after a change as lines of text."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LEGEND = "# kept, . removed, + newly kept, - newly removed"
"""The meaning of the characters in a picture."""
ROWS, COLUMNS = 16, 64
"""The largest part of a mask that is drawn."""

_CHARACTERS = np.array([[".", "+"], ["-", "#"]])
"""The character of an entry, by whether it was kept before and is kept after."""


def picture(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> tuple[str, ...]:
    """Return one line per row of two masks of one shape; the first dimension runs down, all others across.

    Of a large mask, a part that contains the first difference is drawn, and a last line says which part it is.
    """
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
    """Return a slice of at most `most` positions with `at` a quarter into it, where the array is large enough."""
    start = max(0, min(at - most // 4, size - most))
    return slice(start, min(start + most, size))
