"""Propose the expectations that would make a run green, one entry per defect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from ...report.expectation import Expectation
from ...report.expectation_file import UNEXPLAINED
from ...report.signature import cause
from ...values.cell import Cell
from .narrowing import narrow
from .older_form import as_defects
from .renewal import renewed, without_redundant
from .seen import Part, Seen, shared_scope, slug


@dataclass(frozen=True)
class Proposal:
    """The proposed entries of an expectation file.

    Attributes:
        revised: For each existing entry, in order, the entries that replace it: itself, narrower ones, or none.
        added: The entries to append.
    """

    revised: tuple[tuple[Expectation, ...], ...]
    added: tuple[Expectation, ...]

    @property
    def entries(self) -> tuple[Expectation, ...]:
        """Return all proposed entries, in order."""
        return tuple(entry for entries in self.revised for entry in entries) + self.added


def propose(entries: Sequence[Expectation], runs: Sequence[Seen]) -> Proposal:
    """Return the entries that would make every run green, except for errors.

    An entry that explains failures is kept. If some of its cells did not fail, it is narrowed to those that did; if it
    explains nothing any more, or nothing alone, it is deleted. Signatures of earlier versions are renewed. Failures
    that no entry explains get one entry per cause, across all requirements and sparsifiers. It covers no sound cell,
    and a person has to give its reason. If a file in the older form needs a change, all its entries become defects.

    Args:
        entries: The entries of the file.
        runs: The observations of each sparsifier.
    """
    by_name = {run.name: run for run in runs}
    current = without_redundant([renewed(entry, runs) for entry in entries], by_name)
    revised = tuple(_row(entry, by_name) if entry else () for entry in current)
    ids = _Ids(entry.id for entry in entries)
    left = [entry for row in revised for entry in row]
    added = tuple(_fresh(runs, left, ids))
    changes = bool(added) or revised != tuple((entry,) for entry in entries)
    if changes and any(not entry.id for entry in entries):
        return Proposal(as_defects(revised, by_name, ids.free), added)
    return Proposal(tuple(tuple(_renamed(row, ids)) for row in revised), added)


class _Ids:
    """The ids in use."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def free(self, id: str) -> str:
        """Reserve and return `id`, or the first of `id-2`, `id-3` and so on that is unused."""
        number, found = 1, id
        while found in self._taken:
            number += 1
            found = f"{id}-{number}"
        self._taken.add(found)
        return found


def _renamed(row: Iterable[Expectation], ids: _Ids) -> Iterator[Expectation]:
    """Yield the entries that replace one entry; the first keeps its id."""
    for position, entry in enumerate(row):
        yield replace(entry, id=ids.free(entry.id)) if position and entry.id else entry


def _row(entry: Expectation, by_name: Mapping[str, Seen]) -> tuple[Expectation, ...]:
    """Return the entries that replace an entry."""
    runs = [by_name[name] for name in entry.sparsifiers if name in by_name]
    silent = {run.name for run in runs if run.is_silent_on(entry)}
    right = {run.name for run in runs if run.explained(entry) and not _sound(run, entry)} - silent
    kept = tuple(name for name in entry.sparsifiers if name not in by_name or name in silent | right)
    left = [run for run in runs if run.name not in kept and run.explained(entry)]
    if not left:
        return (entry,) if kept == entry.sparsifiers else (replace(entry, sparsifiers=kept),) if kept else ()
    joint = [run for run in runs if run.name in {*right, *(one.name for one in left)}]
    others = tuple(name for name in kept if name not in right)
    parts = [Part(run.name, run.explained(entry), _sound(run, entry)) for run in joint]
    narrowed = replace(entry, sparsifiers=tuple(run.name for run in joint), **shared_scope(parts))
    return (replace(entry, sparsifiers=others), narrowed) if others else (narrowed,)


def _sound(run: Seen, entry: Expectation) -> list[Cell]:
    return [cell for cell in run.sound if entry.covers(cell)]


def _fresh(runs: Sequence[Seen], entries: Sequence[Expectation], ids: _Ids) -> Iterator[Expectation]:
    """Yield an entry for each cause that no entry explains."""
    for failures in _unexplained(runs, entries).values():
        parts: list[Part] = []
        for run in runs:
            cells = [cell for cell in failures if cell.sparsifier == run.name]
            if cells:
                others = [cell for cell in run.failing if cell not in failures]
                parts.append(Part(run.name, cells, run.sound, others))
        plain = Expectation(
            id=ids.free(_id(failures)), sparsifiers=tuple(part.name for part in parts), requirements=("*",),
            layer=("*",), signatures=narrow(list(failures.values())), reason=f"{UNEXPLAINED}: say why",
        )
        yield replace(plain, **shared_scope(parts))


def _unexplained(runs: Sequence[Seen], entries: Sequence[Expectation]) -> dict[str, dict[Cell, str]]:
    """Return the failing cells that no entry in force explains, with their signatures, by cause."""
    groups: dict[str, dict[Cell, str]] = {}
    for run in runs:
        explained = {
            cell for entry in entries if run.name in entry.sparsifiers and entry.holds(run.declaration, run.environment)
            for cell in run.explained(entry)
        }
        for cell, signature in run.failing.items():
            if cell not in explained:
                groups.setdefault(cause(signature), {})[cell] = signature
    return groups


def _id(failures: Mapping[Cell, str]) -> str:
    cell, signature = next(iter(failures.items()))
    return slug(signature, cell.requirement)
