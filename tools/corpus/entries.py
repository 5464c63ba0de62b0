"""Give the entries of an expectation file the programs that fail by their signatures.

The cells of an entry name programs, and a new covering array is made of other programs. Causes and signatures
stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from sparsecheck.features.expect.proposal import Proposal
from sparsecheck.features.expect.rewriting import rewritten
from sparsecheck.features.expect.seen import Seen, seen
from sparsecheck.report.expectation import Expectation
from sparsecheck.report.expectation_file import parse_entries
from sparsecheck.report.report import read_whole
from sparsecheck.report.signature import cause
from sparsecheck.values.cell import Cell

AREA = "WALK"

EVERY = frozenset({"WALK-01", "WALK-02", "WALK-04", "WALK-05"})
"""The cells of an entry that has no programs yet."""


@dataclass(frozen=True)
class Renewed:
    """A renewed expectation file.

    Attributes:
        text: The content of the file.
        counts: The number of failing programs by entry and sparsifier.
        unexplained: Examples of the failures that no entry explains: a cell, its signature, and how many are alike.
    """

    text: str
    counts: Mapping[tuple[str, str], int]
    unexplained: Sequence[tuple[str, str, int]]


def read_runs(reports: Iterable[Path]) -> list[Seen]:
    """Read what reports say about the cells of programs."""
    runs = []
    for path in reports:
        report = read_whole(path)
        for subject in report.header.subjects:
            declaration, environment = subject.declaration, subject.environment
            if declaration is None or environment is None:
                raise ValueError(f"{path}: {subject.sparsifier} was not judged: {subject.problem}")
            runs.append(seen(declaration, environment, subject.planned, report.of(subject.sparsifier)))
    return runs


def renew(text: str, where: str, runs: Sequence[Seen]) -> Renewed:
    """Return an expectation file in which every entry about programs covers those that fail by its signatures.

    A failure that several entries explain is left to the one that covers it, or else to one without programs, or to the
    first. An entry takes over a sparsifier that it names already, and no other; one that no failure needs is deleted.

    Args:
        text: The content of the file.
        where: Its name in messages.
        runs: What was seen of the sparsifiers; entries about others stay as they are.
    """
    entries = parse_entries(text, where)
    found: dict[int, list[Cell]] = {}
    left: dict[str, list[tuple[Cell, str]]] = {}
    for run in runs:
        for cell, signature in run.failing.items():
            if cell.area == AREA:
                number = _choice(entries, run, cell, signature)
                if number is None:
                    left.setdefault(f"{run.name} {cause(signature)}", []).append((cell, signature))
                else:
                    found.setdefault(number, []).append(cell)
    names = tuple(run.name for run in runs)
    rows = tuple(_row(entry, names, found.get(number, ())) for number, entry in enumerate(entries))
    counts = {
        (entry.id, name): sum(cell.sparsifier == name for cell in found[number])
        for number, entry in enumerate(entries) if number in found for name in entry.sparsifiers
    }
    return Renewed(
        rewritten(text, where, Proposal(rows, ())), counts,
        [(alike[0][0].id, alike[0][1], len(alike)) for alike in left.values()],
    )


def _choice(entries: Sequence[Expectation], run: Seen, cell: Cell, signature: str) -> int | None:
    """Return the number of the entry about programs that a failure is left to."""
    fitting = [
        number for number, entry in enumerate(entries)
        if _is_about_programs(entry) and run.name in entry.sparsifiers and entry.explains(signature)
        and entry.holds(run.declaration, run.environment)
    ]
    named = [one for one in fitting if not EVERY & {*entries[one].cells} and entries[one].covers(cell)]
    new = [one for one in fitting if EVERY & {*entries[one].cells}]
    return next(iter(named or new or fitting), None)


def _is_about_programs(entry: Expectation) -> bool:
    return any(_requirement(one).startswith(AREA) for one in entry.cells)


def _requirement(pattern: str) -> str:
    return pattern.rpartition(":")[2].partition("/")[0]


def _row(entry: Expectation, names: Sequence[str], failing: Sequence[Cell]) -> tuple[Expectation, ...]:
    """Return the entry that replaces one, or nothing."""
    if not _is_about_programs(entry) or not set(names) & set(entry.sparsifiers):
        return (entry,)
    others = [one for one in entry.cells if not _requirement(one).startswith(AREA)]
    unseen = [one for one in entry.sparsifiers if one not in names]
    cells = (*others, *_patterns(failing, unseen, entry))
    if not cells:
        return ()
    named = {one.rpartition(":")[0] for one in cells}
    kept = tuple(one for one in entry.sparsifiers if "" in named or one in named)
    return (replace(entry, cells=cells, sparsifiers=kept),)


def _patterns(failing: Sequence[Cell], unseen: Sequence[str], entry: Expectation) -> list[str]:
    """Return the failing programs as an entry names them, and the earlier ones of sparsifiers that were not seen."""
    by_place: dict[str, list[str]] = {}
    for cell in failing:
        by_place.setdefault(f"{cell.requirement}/{cell.layer}", []).append(cell.sparsifier)
    for one in entry.cells:
        name, _, place = one.rpartition(":")
        if place.startswith(AREA):
            by_place.setdefault(place, []).extend(other for other in unseen if name in ("", other))
    return [
        pattern for place in sorted(by_place) if (those := by_place[place])
        for pattern in ([place] if set(those) == set(entry.sparsifiers) else [f"{one}:{place}" for one in those])
    ]
