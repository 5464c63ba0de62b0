"""Tabulate results: sparsifiers x requirements."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..catalogue import AREAS, CATALOGUE, revisions
from ..report.identity import LeftOut, left_out
from ..report.joining import aligned, check_alike, join
from ..report.reasons import reasons
from ..report.report import EmptyReport, Report, check_whole
from ..report.signature import cause
from ..values.cell import Cell
from ..values.record import Outcome, Record, Subject
from ..values.requirement import Requirement
from .accuracy import accuracy_in_words
from .carried import Carried, carried
from .defects import Failures, counted, known_defects, level_lines, result_word
from .escaping import printable, shorten_paths
from .origin import code_of
from .reason_lines import reason_lines
from .standing import Standing, of_cell, standing


@dataclass(frozen=True)
class ShownCell:
    """One cell, with texts fit for display.

    Attributes:
        link: A link of http or https, or an empty string.
        arguments: The arguments of `sparsecheck run` that judge it again.
        defect: The id of the known defect that breaks it, or an empty string.
    """

    cell: str
    standing: Standing
    message: str
    reason: str
    link: str
    arguments: str
    defect: str = ""


@dataclass(frozen=True)
class ShownDefect:
    """One known defect of a sparsifier, as pages show it.

    Attributes:
        breaks: The number of cells that it breaks and their requirements, in words.
        seen: For each cause, the number of cells in words and the message of the first.
        first: The first of its cells.
    """

    title: str
    reason: str
    link: str
    breaks: str
    seen: tuple[tuple[str, str], ...]
    first: ShownCell


@dataclass(frozen=True)
class Square:
    """One requirement for one sparsifier."""

    requirement: Requirement
    standing: Standing
    cells: tuple[ShownCell, ...]

    @property
    def judged(self) -> int:
        """Return the number of judged cells."""
        return sum(cell.standing.is_judged for cell in self.cells)

    @property
    def unexpected(self) -> tuple[ShownCell, ...]:
        """Return the red cells, whose failures no known defect explains."""
        return tuple(cell for cell in self.cells if cell.standing.is_failure and cell.standing is not Standing.KNOWN)

    def share(self, count: int) -> str:
        """Return a number of its cells out of all, in words."""
        return f"{count} of {counted(len(self.cells), 'cell')}"


@dataclass(frozen=True)
class Column:
    """One sparsifier: its results, where and when it was judged, and a square for each requirement.

    Attributes:
        result: The result in words, or `not judged`.
        levels: The result at each level.
        problem: The reason why it could not be judged, or an empty string.
        facts: Pairs of name and value, with the same names for all sparsifiers.
        defects: Its known defects, worst first.
        accuracy: The accuracy of the real networks, in words, or an empty string.
    """

    name: str
    result: str
    levels: tuple[str, ...]
    problem: str
    facts: tuple[tuple[str, str], ...]
    squares: tuple[Square, ...]
    defects: tuple[ShownDefect, ...] = ()
    accuracy: str = ""

    @property
    def counts(self) -> dict[Standing, int]:
        """Return the number of requirements by state; they add up to the catalogue."""
        counted = Counter(square.standing for square in self.squares)
        return {one: counted[one] for one in Standing if counted[one]}

    @property
    def judged(self) -> int:
        """Return the number of requirements that were judged in at least one cell."""
        return sum(square.standing.is_judged for square in self.squares)

    @property
    def passed(self) -> int:
        """Return the number of requirements that passed, at least in part."""
        return sum(square.standing.is_passed for square in self.squares)

    @property
    def unexpected(self) -> tuple[Square, ...]:
        """Return the squares with red cells."""
        return tuple(square for square in self.squares if square.unexpected)


@dataclass(frozen=True)
class ResultsTable:
    """The whole table.

    Attributes:
        columns: Sorted by name.
        selected: Whether only a part of the catalogue was judged.
        carried: Verdicts of other machines on cells that are unavailable here; they are never counted.
        left_out: The requirements that a report does not have, or has at another revision.
        reasons: The reasons why a run with these results does not exit with 0, a line each.
    """

    columns: tuple[Column, ...]
    selected: bool
    carried: tuple[Carried, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    reasons: tuple[str, ...] = ()

    def rows(self) -> Iterator[tuple[str, tuple[tuple[Square, ...], ...]]]:
        """Yield each area with a row per requirement, whose squares are in the order of the columns."""
        rows = {row[0].requirement.id: row for row in zip(*(one.squares for one in self.columns), strict=True)}
        for area, requirements in AREAS.items():
            yield area, tuple(rows[requirement.id] for requirement in requirements)


def tabulate(reports: Sequence[Report], older: Sequence[Report] = ()) -> ResultsTable:
    """Return the table of whole reports, in any order.

    Args:
        reports: The reports.
        older: Reports from other machines, whose verdicts are shown for unavailable cells and not counted.

    Raises:
        EmptyReport: The reports are about no sparsifier.
        ReportMismatch: They cannot be combined.
        InvalidReport: One of them has no verdicts of a whole run.
    """
    for report in reports:
        check_whole(report, "one of the reports")
    check_alike(reports)
    omitted = dict.fromkeys(one for report in reports for one in left_out(report.requirements, revisions()))
    reports = [report.restricted(revisions()) for report in reports]
    if not any(report.header.subjects for report in reports):
        raise EmptyReport("the reports are about no sparsifier")
    columns = [
        _column(report, subject, outcome)
        for report in reports
        for subject, outcome in zip(report.header.subjects, report.outcomes(), strict=True)
    ]
    elsewhere = tuple(one for report in reports for one in carried(report, older))
    selected = bool(reports[0].header.selection)
    found = tuple(shown(line) for line in reason_lines(reasons(_joined(reports))))
    return ResultsTable(tuple(sorted(columns, key=lambda one: one.name)), selected, elsewhere, tuple(omitted), found)


def _joined(reports: Sequence[Report]) -> Report:
    """Return the whole reports as one, over the requirements that they share."""
    parts, _ = aligned(reports)
    return join(parts)


def shown(text: str) -> str:
    """Return a text of a report without control characters and absolute paths."""
    return printable(shorten_paths(text))


def _column(report: Report, subject: Subject, outcome: Outcome) -> Column:
    records = report.of(subject.sparsifier)
    by_requirement: dict[str, list[Record]] = {}
    for record in records:
        by_requirement.setdefault(Cell.parse(record.cell).requirement, []).append(record)
    squares = tuple(_square(one, subject, by_requirement.get(one.id, ()), report) for one in CATALOGUE)
    facts = tuple((what, shown(fact)) for what, fact in _facts(subject, report.header.started))
    defects = tuple(_shown_defect(one, subject) for one in known_defects(records))
    return Column(
        shown(subject.sparsifier), result_word(outcome, subject.problem), tuple(level_lines(outcome)),
        shown(subject.problem), facts, squares, defects, shown(accuracy_in_words(records)),
    )


def _shown_defect(defect: Failures, subject: Subject) -> ShownDefect:
    first = show_cell(defect.first, subject)
    seen = tuple((counted(len(one.records), "cell"), shown(one.first.message)) for one in defect.causes)
    return ShownDefect(shown(defect.title), first.reason, first.link, shown(defect.breaks), seen, first)


def _facts(subject: Subject, started: str) -> Iterator[tuple[str, str]]:
    declaration, environment = subject.declaration, subject.environment
    yield "package", declaration.package if declaration else ""
    yield "code", code_of(subject)
    yield "profile", declaration.profile if declaration else ""
    yield "torch", environment.torch if environment else ""
    yield "python", environment.python if environment else ""
    yield "device", device(environment.devices, environment.accelerator) if environment else ""
    yield "date", started[:10]


def device(devices: Sequence[str], accelerator: str) -> str:
    """Return the devices of a run, in words."""
    return ", ".join(devices) + (f" ({accelerator})" if accelerator else "")


def _square(requirement: Requirement, subject: Subject, records: Sequence[Record], report: Report) -> Square:
    stands = standing(requirement, subject, records, report.requirements)
    return Square(requirement, stands, tuple(show_cell(record, subject) for record in records))


def show_cell(record: Record, subject: Subject) -> ShownCell:
    """Return a cell whose texts are fit for display."""
    file = re.split(r"[/\\]", subject.adapter)[-1]
    adapter = f"--adapter {shlex.quote(file)} " if file else ""
    return ShownCell(
        shown(record.cell), of_cell(record), shown(record.message), shown(record.reason), followable(record.link),
        printable(f"{adapter}--cell {shlex.quote(record.cell)}"), shown(record.defect),
    )


def followable(link: str) -> str:
    """Return the link if it leads to a web page, else an empty string."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return ""
    plain = link.isprintable() and not re.search(r"[\s<>\"'`\\|]", link)
    return link if plain and parts.scheme in ("http", "https") and parts.hostname else ""


def by_cause(cells: Iterable[ShownCell]) -> list[list[ShownCell]]:
    """Return the cells by verdict, reason and cause, in the order of their first cells."""
    groups: dict[tuple[Standing, str, str, str], list[ShownCell]] = {}
    for cell in cells:
        groups.setdefault((cell.standing, cell.reason, cell.link, cause(cell.message)), []).append(cell)
    return list(groups.values())
