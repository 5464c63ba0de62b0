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
from ..judging.report import InvalidReport, Report, join, read_partial
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
    with tempfile.TemporaryDirectory(prefix="sparsecheck-") as name:
        folder = Path(name)

        def judge_one(sparsifier: str, children: Children) -> str:
            return children.run(sparsifier, _command(run, sparsifier, folder), folder, run.limit) or "judged"

        run_each(run.names, run.jobs, judge_one, tell, losses)
        reports = [_gathered(sparsifier, folder, run.selection, losses) for sparsifier in run.names]
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


def _gathered(name: str, folder: Path, selection: Selection, losses: list[str]) -> Report:
    """What one child left: its report, or as much of it as there is."""
    path = folder / f"{name}.jsonl"
    try:
        report = read_partial(path)
    except (InvalidReport, OSError) as error:
        why = f"its process left no report ({error}); it said last: {last_words(folder, name)}"
        losses.append(f"{name}: no report")
        return Report(_empty_header(name, selection, why), (), None)
    if report.footer is None:
        how, cell = how_it_ended(folder, name), _in_flight(path)
        losses.append(f"{name}: {how}" + (f" while judging {cell}" if cell else ""))
        return Report(report.header, (*report.records, *_lost(report, cell, how)), None)
    if report.footer.interrupted:
        losses.append(f"{name}: {report.footer.interrupted}")
    return report


def _in_flight(path: Path) -> str:
    current = in_flight(path)
    return current.read_text("utf-8") if current.exists() else ""


def _lost(report: Report, cell: str, how: str) -> Iterator[Record]:
    planned = {id for subject in report.header.subjects for id in subject.planned}
    if cell in planned and cell not in {record.cell for record in report.records}:
        yield Record(cell, Verdict.ERROR, "crash", f"{how} while this cell was being judged")


def _empty_header(name: str, selection: Selection, problem: str) -> Header:
    return Header(catalogue.digest(), "", (Subject(name, problem=problem),), selection)
