"""One process a sparsifier: what one of them does to its interpreter, or with it, stays its own.

The parent believes no exit code: it demands of each child a report with its footer, and holds the
records against the plan itself.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from .. import catalogue
from ..adapter.discovery import registrations
from ..report.ledger import enumerate_cells
from ..report.report import InvalidLine, InvalidReport, Report, UnlikeReports, join, read_partial, salvage, write
from ..report.resuming import OtherDeclaration
from ..report.sharding import Weights, read_weights, taken
from ..report.verdict import bound
from ..values.record import Header, Record, Subject, Verdict
from ..values.selection import Selection
from ..values.shard import Shard
from .report_writer import UNWRITTEN, in_flight
from .subprocesses import Children, how_it_ended, last_words, pytest_command, run_each


@dataclass(frozen=True)
class Run:
    """What to judge, and how. adapters: files. workers: pytest-xdist processes a sparsifier, none if 0.
    jobs: sparsifiers at a time. case_limit, limit: seconds that a case and a sparsifier may take.
    pytest_args: handed on to pytest as they are. shard: the part of the plan to judge, balanced by the report
    `durations`. records: a folder that keeps what is recorded while it goes on. earlier: by sparsifier, what an
    interrupted run of the same has recorded; that is not judged again. catalogue: the version to judge by."""

    names: tuple[str, ...]
    adapters: tuple[Path, ...] = ()
    selection: Selection = field(default_factory=Selection)
    workers: int = 0
    jobs: int = 1
    case_limit: float = 60.0
    limit: float = 900.0
    pytest_args: tuple[str, ...] = ()
    shard: Shard | None = None
    durations: Path | None = None
    records: Path | None = None
    earlier: Mapping[str, Report] = field(default_factory=dict)
    catalogue: int = catalogue.VERSION

    @property
    def header(self) -> Header:
        """That of a report on nothing."""
        return Header(
            self.catalogue, "", (), self.selection, shard=str(self.shard or ""),
            requirements=catalogue.revisions(self.catalogue),
        )


def judge_apart(run: Run, tell: Callable[[str], None]) -> Report:
    """The joined report of all `run.names`; its footer says if something cut the run short.

    tell: is given a line whenever a sparsifier has been judged.

    Raises:
        CannotResume: what was recorded earlier is of something else than what is there to be judged now.
        InvalidReport, OSError: the durations cannot be read.
    """
    losses, unwritten, weights = list[str](), set[str](), read_weights(run.durations)
    problems = {one.name: one.obstacle for one in registrations(run.adapters) if one.obstacle}
    with tempfile.TemporaryDirectory(prefix="sparsecheck-") as name:
        folder = Path(name)
        records = run.records or folder

        def judge_one(sparsifier: str, children: Children) -> str:
            if sparsifier in problems:
                return "cannot be judged"
            path = records / f"{sparsifier}.jsonl"
            command = _command(run, sparsifier, folder, path)
            how = children.run(sparsifier, command, folder, run.limit, is_done=lambda: _has_footer(path))
            if children.codes.get(sparsifier) == UNWRITTEN:
                unwritten.add(sparsifier)
            if sparsifier in run.earlier and _problem(path):
                children.end()
                return "cannot be resumed"
            return how or "judged"

        run_each(run.names, run.jobs, judge_one, tell, losses, forked=True)
        left = {one: Left(records / f"{one}.jsonl", folder, one in unwritten) for one in run.names}
        reports = [
            _unjudged(one, run, problems[one]) if one in problems else _gathered(one, left[one], run, weights, losses)
            for one in run.names
        ]
    return join([_resumed(one, run) for one in reports], interrupted="; ".join(losses))


@dataclass(frozen=True)
class Left:
    """What one child left. folder: where its last words are. unwritten: whether its disk was full."""

    report: Path
    folder: Path
    unwritten: bool

    def how_it_ended(self, name: str, otherwise: str = "its process ended before its report did") -> str:
        full = "its records could not be written any further"
        return how_it_ended(self.folder, name, full if self.unwritten else otherwise)


def _resumed(report: Report, run: Run) -> Report:
    """As begun when it was begun first.

    Raises:
        OtherDeclaration: it could be judged earlier, and cannot be now.
    """
    [subject] = report.header.subjects
    if subject.sparsifier not in run.earlier:
        return report
    before = run.earlier[subject.sparsifier].header
    if subject.problem:
        raise OtherDeclaration(f"{subject.sparsifier} is not what was interrupted: {subject.problem}")
    return Report(msgspec.structs.replace(report.header, started=before.started), report.records, report.footer)


def _problem(path: Path) -> str:
    """Why the sparsifier could not be judged, as its report says."""
    with suppress(InvalidReport, OSError):
        return "; ".join(subject.problem for subject in read_partial(path).header.subjects)
    return ""


def _command(run: Run, name: str, folder: Path, report: Path) -> list[str]:
    command = [*pytest_command(folder, "sparsecheck.cases", "sparsecheck.plugin"), "--sparsecheck-subject", name]
    command += [part for file in run.adapters for part in ("--sparsecheck-adapter", str(file))]
    command += ["-p", "pytest_timeout", "--sparsecheck-limit", f"{run.case_limit:g}"]
    command += ["--sparsecheck-report", str(report), "--sparsecheck-catalogue", str(run.catalogue)]
    command += _selectors(run.selection, name)
    if run.shard is not None:
        command += ["--sparsecheck-shard", str(run.shard)]
    if run.durations is not None:
        command += ["--sparsecheck-durations", str(run.durations.absolute())]
    if name in run.earlier:
        kept = folder / "kept" / f"{name}.jsonl"
        kept.parent.mkdir(exist_ok=True)
        write(run.earlier[name], kept)
        command += ["--sparsecheck-kept", str(kept)]
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


def _gathered(name: str, left: Left, run: Run, weights: Weights, losses: list[str]) -> Report:
    """What one child left: its report, or as much of it as there is."""
    path = left.report
    try:
        report, broken = _left(path)
        _check_asked(report.header, name, run, weights)
    except (InvalidReport, OSError) as error:
        gone = "it was never begun, or is gone" if isinstance(error, FileNotFoundError) else _without(path, error)
        losses.append(f"{name}: no report")
        why = left.how_it_ended(name, gone)
        problem = f"its process left no report: {why}; it said last: {last_words(left.folder, name)}"
        return run.earlier[name] if name in run.earlier else _unjudged(name, run, problem)
    if report.footer is None:
        how, cell = left.how_it_ended(name), _in_flight(path)
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


def _check_asked(header: Header, name: str, run: Run, weights: Weights) -> None:
    """Raises:
    UnlikeReports: it is no answer to what this process was asked for, or plans other cells than the catalogue has.
    """
    names, asked = [subject.sparsifier for subject in header.subjects], run.header
    seen = header.selection, header.shard, header.catalogue, header.requirements
    if names != [name] or seen != (asked.selection, asked.shard, asked.catalogue, asked.requirements):
        raise UnlikeReports("its header is on another sparsifier, selection or catalogue than was asked for")
    [subject] = header.subjects
    if subject.declaration is not None and subject.environment is not None:
        requirements = catalogue.at_version(run.catalogue)
        cells = enumerate_cells(requirements, subject.declaration, run.selection, subject.environment)
        cells, share = taken(cells, run.shard, weights)
        if (subject.planned, subject.share) != (tuple(planned.cell.id for planned in cells), share):
            raise UnlikeReports("its plan is not what the catalogue makes of its declaration")


def _in_flight(path: Path) -> str:
    current = in_flight(path)
    return current.read_text("utf-8") if current.exists() else ""


def _lost(report: Report, cell: str, how: str) -> Iterator[Record]:
    planned = {id for subject in report.header.subjects for id in subject.planned}
    if cell in planned and cell not in {record.cell for record in report.records}:
        record = Record(cell, Verdict.ERROR, "crash", f"{how} while this cell was being judged")
        yield bound(record, report.header.subjects[0].declaration)


def _unjudged(name: str, run: Run, problem: str) -> Report:
    return Report(msgspec.structs.replace(run.header, subjects=(Subject(name, problem=problem),)), (), None)
