"""Judge each sparsifier in a process of its own, so that none can affect another's interpreter.

The parent trusts no exit code: it demands a complete report from each child and checks the records against the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from .. import catalogue
from ..adapter.discovery import registrations
from ..adapter.own_code import own_digest, own_version
from ..errors import BadUsage
from ..process import line_coverage
from ..process.guardian import temporary_folder
from ..reading import read_end
from ..report.consistency import inconsistency
from ..report.joining import join
from ..report.ledger import enumerate_cells
from ..report.report import (
    InvalidLine,
    InvalidReport,
    MissingReport,
    Report,
    ReportMismatch,
    read_partial,
    salvage,
    write,
)
from ..report.resuming import ChangedDeclaration
from ..report.sharding import Weights, cells_of_shard, read_weights
from ..report.stale_entries import settled
from ..report.verdict import bound
from ..values.record import Header, Record, Subject, Verdict
from ..values.selection import Selection
from ..values.shard import Shard
from .report_writer import UNWRITTEN, current_cell_file
from .subprocesses import Children, describe_end, describe_exit, is_foreign, last_output, pytest_command, run_each


@dataclass(frozen=True)
class Run:
    """The sparsifiers to judge, and how to run them.

    Attributes:
        names: Registered names.
        adapters: Adapter files.
        selection: The part of the catalogue to judge.
        workers: pytest-xdist workers per sparsifier; 0 runs without xdist.
        jobs: Sparsifiers that run at the same time.
        case_limit: Seconds that one case may take.
        limit: Seconds that one sparsifier may take.
        pytest_args: More arguments for pytest.
        shard: The shard to judge, or None for the whole plan.
        durations: A report by whose durations the shards are balanced.
        records: A folder that keeps the records in progress; a temporary folder if None.
        earlier: By sparsifier, the records of an interrupted run, which are not judged again.
        catalogue: The version of the catalogue to judge by.
        ignores_expectations: Whether to judge as if there were no expectation files.
        coverage: A folder to which the processes of each sparsifier write which lines they executed, or None.
    """

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
    ignores_expectations: bool = False
    coverage: Path | None = None

    @property
    def is_parallel(self) -> bool:
        """Return whether sparsifiers may be judged at the same time."""
        return len(self.names) > 1 and self.jobs > 1

    @property
    def header(self) -> Header:
        """Return the header of a report without subjects."""
        return Header(
            self.catalogue, "", (), self.selection, shard=str(self.shard or ""),
            requirements=catalogue.revisions(self.catalogue), sparsecheck=own_version(), code=own_digest(),
        )


def judge_in_subprocesses(run: Run, show: Callable[[str], None]) -> Report:
    """Return the joined report of all `run.names`; its footer says whether the run was cut short.

    Args:
        run: The sparsifiers, and how to run them.
        show: Receives a line whenever a sparsifier is finished.

    Raises:
        CannotResume: A sparsifier is not the one that the interrupted run judged.
        InvalidReport: The durations cannot be read.
    """
    losses, codes, stopped, weights = list[str](), dict[str, int | None](), set[str](), read_weights(run.durations)
    problems = {one.name: one.obstacle for one in registrations(run.adapters) if one.obstacle}
    with temporary_folder() as folder:
        records = run.records or folder

        def judge_one(sparsifier: str, children: Children) -> str:
            if sparsifier in problems:
                return "cannot be judged"
            path = records / f"{sparsifier}.jsonl"
            command = _command(run, sparsifier, folder, path)
            variables = _variables(run, sparsifier)
            how = children.run(sparsifier, command, folder, run.limit, variables, lambda: _has_footer(path))
            codes.update(children.codes)
            stopped.update(children.stopped)
            if sparsifier in run.earlier and _problem(path):
                children.stop()
                return "cannot be resumed"
            return "none of its cells is selected" if _is_inapplicable(path) else how or "judged"

        run_each(run.names, run.jobs, judge_one, show, losses, forked=True)
        files = {
            one: ChildFiles(
                records / f"{one}.jsonl", folder, codes.get(one), one in stopped,
                run.is_parallel and one in codes and is_foreign(codes[one]),
            )
            for one in run.names
        }
        _check_pytest_args(run, files)
        reports = [
            _unjudged(one, run, problems[one]) if one in problems else _collect(one, files[one], run, weights, losses)
            for one in run.names
        ]
    return settled(join([_resumed(one, run) for one in reports], interrupted="; ".join(losses)))


@dataclass(frozen=True)
class ChildFiles:
    """The files that one child left.

    Attributes:
        report: The path of its report.
        folder: The folder with its log.
        code: Its exit code; None if it did not exit by itself.
        is_stopped: Whether it was stopped because the run was interrupted.
        is_victim: Whether another sparsifier, which was judged at the same time, may have ended it.
    """

    report: Path
    folder: Path
    code: int | None
    is_stopped: bool = False
    is_victim: bool = False

    def describe_end(self, name: str, otherwise: str = "its process ended before it finished its report") -> str:
        """Return how the unfinished child ended, or `otherwise` if that is unknown."""
        full = "its records could not be written any further"
        return describe_end(self.folder, name, full if self.code == UNWRITTEN else otherwise)


def _resumed(report: Report, run: Run) -> Report:
    """Return the report with the start time of the interrupted run that it continues.

    Raises:
        ChangedDeclaration: The sparsifier could be judged in the interrupted run, but not now.
    """
    [subject] = report.header.subjects
    if subject.sparsifier not in run.earlier:
        return report
    before = run.earlier[subject.sparsifier].header
    if subject.problem:
        raise ChangedDeclaration(f"{subject.sparsifier} is not the one in the interrupted run: {subject.problem}")
    return Report(msgspec.structs.replace(report.header, started=before.started), report.records, report.footer)


def _problem(path: Path) -> str:
    """Return the reason in its report why a sparsifier could not be judged, or an empty string."""
    with suppress(InvalidReport):
        return "; ".join(subject.problem for subject in read_partial(path).header.subjects)
    return ""


def _is_inapplicable(path: Path) -> bool:
    """Return whether the report of a child says that the selection has none of the sparsifier's cells."""
    with suppress(InvalidReport):
        subjects = read_partial(path).header.subjects
        return bool(subjects) and all(subject.is_inapplicable for subject in subjects)
    return False


def _command(run: Run, name: str, folder: Path, report: Path) -> list[str]:
    command = [*pytest_command(folder, "sparsecheck.cases", "sparsecheck.plugin"), "--sparsecheck-subject", name]
    command += [part for file in run.adapters for part in ("--sparsecheck-adapter", str(file))]
    command += ["-p", "pytest_timeout", "--sparsecheck-limit", f"{run.case_limit:g}"]
    command += ["--sparsecheck-report", str(report), "--sparsecheck-catalogue", str(run.catalogue)]
    command += _selectors(run.selection)
    if run.ignores_expectations:
        command += ["--sparsecheck-ignore-expectations"]
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


def _variables(run: Run, name: str) -> dict[str, str]:
    """Return the variables that ask the processes of a sparsifier to measure its lines, if the run does."""
    if run.coverage is None:
        return {}
    folder = run.coverage / name
    folder.mkdir(exist_ok=True)
    return {line_coverage.VARIABLE: str(folder)}


def _selectors(selection: Selection) -> Iterator[str]:
    kinds = (("area", selection.areas), ("requirement", selection.requirements), ("cell", selection.cells))
    for kind, values in kinds:
        for value in values:
            yield from (f"--sparsecheck-{kind}", value)
    if selection.probe:
        yield "--sparsecheck-probe"


_LONGEST_FOOTER = 2**16


def _has_footer(path: Path) -> bool:
    """Return whether the last line of a report is a complete footer."""
    *_, last, rest = ("", "", *read_end(path, _LONGEST_FOOTER).split("\n"))
    return not rest and last.startswith('{"kind":"footer"')


def _check_pytest_args(run: Run, files: Mapping[str, ChildFiles]) -> None:
    """Check that pytest understood `--pytest-args`, as far as it has not begun with anything.

    Raises:
        BadUsage: It did not.
    """
    for name, one in files.items():
        if run.pytest_args and one.code == _USAGE_ERROR and not one.report.exists():
            said = last_output(one.folder, name)
            if ": error: " in said:
                what = said.partition(": error: ")[2].partition(" / ")[0]
                raise BadUsage(f"pytest does not accept --pytest-args: {what}", "`pytest --help` lists its options.")


_USAGE_ERROR = 4
"""The exit code with which pytest refuses its arguments."""


def _collect(name: str, files: ChildFiles, run: Run, weights: Weights, losses: list[str]) -> Report:
    """Return the report of one child, or as much of it as there is, and add a loss if it is incomplete."""
    path = files.report
    try:
        report, broken = _read(path)
        _check_header(report.header, name, run, weights)
    except InvalidReport as error:
        if files.is_stopped:
            return run.earlier.get(name) or _unjudged(name, run, _NOT_REACHED)
        is_missing = isinstance(error, MissingReport)
        exit = describe_exit(files.code)
        otherwise = f"the process of {name} {exit} before it wrote a report" if is_missing else _message(path, error)
        losses.append(f"{name}: no report")
        end = files.describe_end(name, otherwise).rstrip(".")
        problem = f"{end}. Its last output: {last_output(files.folder, name)}"
        return run.earlier[name] if name in run.earlier else _unjudged(name, run, problem)
    if report.footer is None:
        how, cell = files.describe_end(name), _current_cell(path)
        if files.is_stopped and not broken:
            losses.append(f"{name}: stopped while judging {cell}" if cell else f"{name}: stopped")
            return report
        if files.is_victim and not broken:
            while_judging = f" while judging {cell}" if cell else ""
            losses.append(f"{name}: its process {describe_exit(files.code)}{while_judging}, {_BY_WHOM}")
            return report
        losses.append(f"{name}: {broken or how}" + (f" while judging {cell}" if cell and not broken else ""))
        return Report(report.header, (*report.records, *_lost(report, cell, how)), None)
    if report.footer.interrupted:
        losses.append(f"{name}: {report.footer.interrupted}")
    return report


_BY_WHOM = "by itself, another sparsifier or the system; resume with -j 1 to see which"
_NOT_REACHED = "the run was interrupted before it was judged"


def _read(path: Path) -> tuple[Report, str]:
    """Return the report of a child, and the reason not to trust it, or an empty string.

    A report that cannot be trusted as a whole is returned without its footer.

    Raises:
        InvalidReport: The report cannot be read, or does not even have a header.
    """
    try:
        report = read_partial(path)
    except InvalidLine as error:
        return salvage(path), f"its report contains a line that is not one of its records ({_message(path, error)})"
    if report.footer is not None and not report.agrees:
        return salvage(path), "the counts in the footer of its report do not match its records"
    if report.footer is not None and (problem := inconsistency(report)):
        return salvage(path), f"its report contradicts itself or the catalogue: {problem}"
    return report, ""


def _message(path: Path, error: Exception) -> str:
    """Return the message of an error without the path, which differs from run to run."""
    return str(error).replace(f"{path}:", "line ")


def _check_header(header: Header, name: str, run: Run, weights: Weights) -> None:
    """Raise if a child's report does not answer the request.

    Raises:
        ReportMismatch: The sparsifier, selection, shard or catalogue is another, or the planned cells differ from those
            that the parent computes from the declaration.
    """
    names, requested = [subject.sparsifier for subject in header.subjects], run.header
    seen = header.selection, header.shard, header.catalogue, header.requirements
    if names != [name] or seen != (
        requested.selection, requested.shard, requested.catalogue, requested.requirements
    ):
        raise ReportMismatch("the header of its report has another sparsifier, selection or catalogue than requested")
    if (header.sparsecheck, header.code) != (requested.sparsecheck, requested.code):
        raise ReportMismatch("its process imported another sparsecheck than this one, or sparsecheck was changed")
    [subject] = header.subjects
    if subject.declaration is not None and subject.environment is not None:
        requirements = catalogue.at_version(run.catalogue)
        cells = enumerate_cells(requirements, subject.declaration, run.selection, subject.environment)
        cells, share = cells_of_shard(cells, run.shard, weights)
        if (subject.planned, subject.share) != (tuple(planned.cell.id for planned in cells), share):
            raise ReportMismatch("its planned cells are not those that the catalogue gives for its declaration")


def _current_cell(path: Path) -> str:
    current = current_cell_file(path)
    return read_end(current, 1000)


def _lost(report: Report, cell: str, how: str) -> Iterator[Record]:
    """Yield an error record for the cell during which the process ended."""
    planned = {id for subject in report.header.subjects for id in subject.planned}
    if cell in planned and cell not in {record.cell for record in report.records}:
        record = Record(cell, Verdict.ERROR, "crash", f"{how} while this cell was being judged")
        yield bound(record, report.header.subjects[0].declaration)


def _unjudged(name: str, run: Run, problem: str) -> Report:
    return Report(msgspec.structs.replace(run.header, subjects=(Subject(name, problem=problem),)), (), None)
