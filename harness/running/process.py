"""One process a sparsifier: what one of them does to its interpreter, or with it, stays its own.

The parent believes no exit code: it demands of each child a report with its footer, and holds the
records against the plan itself.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .. import catalogue
from ..judging.ledger import enumerate_cells
from ..judging.report import InvalidLine, InvalidReport, Report, UnlikeReports, join, read_partial, salvage
from ..subject.discovery import registrations
from ..values.record import Header, Record, Subject, Verdict
from ..values.selection import Selection
from .children import Children, how_it_ended, last_words, pytest_command, run_each
from .recorder import in_flight


@dataclass(frozen=True)
class Run:
    """What to judge, and how. adapters: files. workers: pytest-xdist processes a sparsifier, none if 0.
    jobs: sparsifiers at a time. case_limit, limit: seconds that a case and a sparsifier may take.
    pytest_args: handed on to pytest as they are."""

    names: tuple[str, ...]
    adapters: tuple[Path, ...] = ()
    selection: Selection = field(default_factory=Selection)
    workers: int = 0
    jobs: int = 1
    case_limit: float = 60.0
    limit: float = 900.0
    pytest_args: tuple[str, ...] = ()


def judge_apart(run: Run, tell: Callable[[str], None]) -> Report:
    """The joined report of all `run.names`; its footer says if something cut the run short.

    tell: is given a line whenever a sparsifier has been judged.
    """
    losses = list[str]()
    problems = {one.name: one.obstacle for one in registrations(run.adapters) if one.obstacle}
    with tempfile.TemporaryDirectory(prefix="sparsecheck-") as name:
        folder = Path(name)

        def judge_one(sparsifier: str, children: Children) -> str:
            if sparsifier in problems:
                return "cannot be judged"
            command, path = _command(run, sparsifier, folder), folder / f"{sparsifier}.jsonl"
            return children.run(sparsifier, command, folder, run.limit, is_done=lambda: _has_footer(path)) or "judged"

        run_each(run.names, run.jobs, judge_one, tell, losses, forked=True)
        reports = [
            _unjudged(one, run.selection, problems[one]) if one in problems
            else _gathered(one, folder, run.selection, losses)
            for one in run.names
        ]
    return join(reports, interrupted="; ".join(losses))


def _command(run: Run, name: str, folder: Path) -> list[str]:
    command = pytest_command(folder, "sparsecheck.cases", name, run.adapters)
    command += ["-p", "pytest_timeout", "--sparsecheck-limit", f"{run.case_limit:g}"]
    command += ["--sparsecheck-report", str(folder / f"{name}.jsonl")]
    command += _selectors(run.selection, name)
    if run.workers:
        command += ["-p", "xdist.plugin", "-n", str(run.workers), "--dist", "worksteal", "--max-worker-restart", "4"]
    return [*command, *run.pytest_args]


def _selectors(selection: Selection, name: str) -> Iterator[str]:
    kinds = (("area", selection.areas), ("requirement", selection.requirements), ("cell", selection.cells))
    for kind, values in kinds:
        for value in values:
            yield from (f"--sparsecheck-{kind}", value)
    if selection.probe:
        yield "--sparsecheck-probe"


def _has_footer(path: Path) -> bool:
    """Whether the last line is one, and whole."""
    try:
        text = path.read_bytes()
    except OSError:
        return False
    return text.endswith(b"\n") and text[:-1].rpartition(b"\n")[2].startswith(b'{"kind":"footer"')


def _gathered(name: str, folder: Path, selection: Selection, losses: list[str]) -> Report:
    """What one child left: its report, or as much of it as there is."""
    path = folder / f"{name}.jsonl"
    try:
        report, broken = _left(path)
        _check_asked(report.header, name, selection)
    except (InvalidReport, OSError) as error:
        gone = "it was never begun, or is gone" if isinstance(error, FileNotFoundError) else _without(path, error)
        losses.append(f"{name}: no report")
        why = how_it_ended(folder, name, gone)
        problem = f"its process left no report: {why}; it said last: {last_words(folder, name)}"
        return _unjudged(name, selection, problem)
    if report.footer is None:
        how, cell = how_it_ended(folder, name), _in_flight(path)
        losses.append(f"{name}: {broken or how}" + (f" while judging {cell}" if cell and not broken else ""))
        return Report(report.header, (*report.records, *_lost(report, cell, how)), None)
    if report.footer.interrupted:
        losses.append(f"{name}: {report.footer.interrupted}")
    return report


def _left(path: Path) -> tuple[Report, str]:
    """The report, and why it is not to be believed as a whole; then without its footer.

    Raises:
        InvalidReport: it has not even a header.
        OSError: it cannot be read.
    """
    try:
        report = read_partial(path)
    except InvalidLine as error:
        return salvage(path), f"in its report stands what is none of its records ({_without(path, error)})"
    if report.footer is not None and not report.agrees:
        return salvage(path), "its report ends with other sums than its records come to"
    return report, ""


def _without(path: Path, error: Exception) -> str:
    """What an error says, less the path, which is another in every run."""
    return str(error).replace(f"{path}:", "line ")


def _check_asked(header: Header, name: str, selection: Selection) -> None:
    """Raises:
    UnlikeReports: it is no answer to what this process was asked for, or plans other cells than the catalogue has.
    """
    seen = [subject.sparsifier for subject in header.subjects], header.selection, header.catalogue
    if seen != ([name], selection, catalogue.digest()):
        raise UnlikeReports("its header is on another sparsifier, selection or catalogue than was asked for")
    [subject] = header.subjects
    if subject.declaration is not None and subject.environment is not None:
        cells = enumerate_cells(catalogue.CATALOGUE, subject.declaration, selection, subject.environment)
        if subject.planned != tuple(planned.cell.id for planned in cells):
            raise UnlikeReports("its plan is not what the catalogue makes of its declaration")


def _in_flight(path: Path) -> str:
    current = in_flight(path)
    return current.read_text("utf-8") if current.exists() else ""


def _lost(report: Report, cell: str, how: str) -> Iterator[Record]:
    planned = {id for subject in report.header.subjects for id in subject.planned}
    if cell in planned and cell not in {record.cell for record in report.records}:
        yield Record(cell, Verdict.ERROR, "crash", f"{how} while this cell was being judged")


def _unjudged(name: str, selection: Selection, problem: str) -> Report:
    return Report(Header(catalogue.digest(), "", (Subject(name, problem=problem),), selection), (), None)
