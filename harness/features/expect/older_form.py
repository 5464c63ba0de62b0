"""Convert entries of the older form, `[[known]]`, to defects; entries with the same reason become one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from ...report.expectation import Expectation
from ...values.cell import Cell
from .seen import Part, Seen, shared_scope, slug

Row = tuple[Expectation, ...]


def as_defects(rows: Sequence[Row], by_name: Mapping[str, Seen], free: Callable[[str], str]) -> tuple[Row, ...]:
    """Return the entries with ids, those with the same reason in the row of the first of them.

    They become one entry if they have the same axes, or if the runs show that one scope covers no sound cell.

    Args:
        rows: For each entry of the file, the entries that replace it.
        by_name: The observations of each run.
        free: A function that returns an unused id similar to the given one.
    """
    groups: dict[object, list[Expectation]] = {}
    first: dict[object, int] = {}
    for position, row in enumerate(rows):
        for entry in row:
            key = (entry.sparsifiers, entry.reason, entry.link, entry.conditions)
            groups.setdefault(key, []).append(entry)
            first.setdefault(key, position)
    merged: list[list[Expectation]] = [[] for _ in rows]
    for shared, entries in groups.items():
        named = (replace(entry, id=free(_id(entry)), reason=_sentence(entry)) for entry in _merged(entries, by_name))
        merged[first[shared]] += named
    return tuple(map(tuple, merged))


def _id(entry: Expectation) -> str:
    return slug(entry.signatures[0], entry.requirements[0] if entry.requirements else entry.cells[0])


def _sentence(entry: Expectation) -> str:
    """Return the reason with a full stop."""
    reason = entry.reason.rstrip()
    return reason if reason.endswith((".", "!", "?")) else f"{reason}."


def _merged(entries: Sequence[Expectation], by_name: Mapping[str, Seen]) -> Iterator[Expectation]:
    signatures = _union(entry.signatures for entry in entries)
    runs = [by_name[name] for name in entries[0].sparsifiers if name in by_name]
    is_seen = len(runs) == len(entries[0].sparsifiers) and not any(
        run.is_silent_on(entry) for run in runs for entry in entries
    )
    if is_seen and len({entry.axes for entry in entries}) > 1:
        parts = [Part(run.name, _explained(run, entries), run.sound) for run in runs]
        yield replace(entries[0], signatures=signatures, **shared_scope(parts))
        return
    by_axes: dict[object, list[Expectation]] = {}
    for entry in entries:
        by_axes.setdefault((entry.axes, bool(entry.cells)), []).append(entry)
    for those in by_axes.values():
        requirements, cells = (_union(getattr(one, key) for one in those) for key in ("requirements", "cells"))
        several = _union(one.signatures for one in those)
        yield replace(those[0], requirements=requirements, cells=cells, signatures=several)


def _explained(run: Seen, entries: Iterable[Expectation]) -> list[Cell]:
    return list(dict.fromkeys(cell for entry in entries for cell in run.explained(entry)))


def _union(values: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for those in values for value in those))
