"""Render the changes of references as tables, with a picture of each changed mask. Does not import torch."""

from __future__ import annotations

from collections.abc import Iterator

from ...oracle.mask_picture import LEGEND
from ...oracle.tensor_changes import Change
from .manage import FileChange

_HEAD = ("tensor", "", "entries", "largest", "mean", "ULP", "first at")


def render_change(change: FileChange) -> Iterator[str]:
    """Yield the changes of one file: its damage, a table of its tensors, changed masks, and last-bit differences."""
    yield change.file
    if change.damage:
        yield f"  unusable, to be written again: {change.damage}"
    if change.tensors:
        yield from (f"  {line}" for line in _aligned([_HEAD, *map(_row, change.tensors)]))
    for tensor in change.tensors:
        if tensor.picture:
            yield f"  {tensor.name}: {LEGEND}"
            yield from (f"    {line}" for line in tensor.picture)
    yield from (f"  note: {note}" for note in change.notes)


def _row(change: Change) -> tuple[str, ...]:
    if change.kind != "changed":
        return change.name, change.kind, str(change.size), "", "", "", ""
    if change.form:
        return change.name, f"changed from {change.form}", str(change.size), "", "", "", ""
    first = ", ".join(map(str, change.indices)) + (", ..." if change.count > len(change.indices) else "")
    ulp = "-" if change.ulp is None else str(change.ulp)
    return (
        change.name, "changed", f"{change.count} of {change.size}", f"{change.largest:.3g}", f"{change.mean:.3g}", ulp,
        first,
    )


def _aligned(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
