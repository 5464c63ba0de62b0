"""The pytest hooks that judge: run each cell's case, turn outcomes into records, and records into the exit code."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from ..process.warning_filters import warnings_are_no_errors
from ..report.ledger import Planned
from ..report.reasons import exit_code
from ..report.verdict import bound, said, type_name, weigh
from ..show.escaping import one_line, printable, terminal_line
from ..show.origin import origin_lines
from ..show.summary import summary
from ..trials.case_marker import compared_instead, requirement_judged_by
from ..values.cell import Cell
from ..values.record import Record, Verdict
from .case_outcome import failed, passed
from .case_run import CaseResult, run_case
from .report_writer import UNWRITTEN, ReportWriter, cell_of
from .session import Session
from .smoke_test import SmokeTest

if TYPE_CHECKING:
    from ..trials.trial import Trial

_PROPERTY = "sparsecheck-record"
_ALTERED = "sparsecheck-altered"
_PLANNED = pytest.StashKey[Planned]()
_CASE = pytest.StashKey[Callable[["Trial"], Any]]()
_RESULT = pytest.StashKey[CaseResult]()
_OWN_FIXTURES = frozenset(("request", "trial"))
_RECORD = pytest.StashKey[Record]()


class Judge:
    """The pytest plugin of one run. In a serial run, or in the controller under pytest-xdist, it writes the report.

    Attributes:
        config: The configuration of pytest.
        session: The cells to judge.
        smoke: The smoke checks, run before the first cell.
        writer: The writer of the report; None in a pytest-xdist worker.
    """

    def __init__(self, config: pytest.Config, session: Session, altered: Callable[[], str]) -> None:
        """Open the report.

        Args:
            config: The configuration of pytest, with the options of sparsecheck.
            session: The cells to judge.
            altered: Returns the name of a part of the harness that was replaced since the start, or an empty string.

        Raises:
            OSError: The report cannot be written.
        """
        self.config = config
        self.session = session
        self._altered = altered
        self.smoke = SmokeTest(session)
        self._left: Mapping[str, Any] = {}
        self._is_settled = self._is_last = False
        is_worker = hasattr(config, "workerinput")
        path = config.option.sparsecheck_report
        self.writer = None if is_worker else ReportWriter(session, Path(path) if path else None)
        self._is_strict = bool(path)
        self._collected = set[str]()
        self._made: dict[str, Record] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Drop the placeholders of cases without cells, and give every case its time limit.

        Cell and case are noted, because a sparsifier can replace the function of an item.
        """
        for item in items:
            if planned := _planned_for(item):
                item.stash[_PLANNED], item.stash[_CASE] = planned, item.obj  # type: ignore[attr-defined]
        items[:] = [item for item in items if not _is_case(item) or _planned(item) is not None]
        for item in items:
            if _planned(item) is not None:
                item.add_marker(pytest.mark.timeout(self.session.request.limit, method="signal"))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note which cells are left after `-k`, node ids and the like."""
        self._collected |= {planned.cell.id for item in session.items if (planned := _planned(item)) is not None}

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: object, ids: Sequence[str]) -> None:
        """Note the same in the controller under pytest-xdist, which collects nothing itself."""
        self._collected |= {cell_of(id) for id in ids}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note an error during collection, here or in an xdist worker, as the reason why cells were not judged."""
        if self.writer is not None and self._is_strict and report.failed and not self.writer.interrupted:
            [*_, last] = str(report.longrepr).strip().splitlines() or [""]
            self.writer.interrupted = f"pytest could not collect {report.nodeid}: {last.removeprefix('E').strip()}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, nextitem: pytest.Item | None) -> None:
        """Note whether this process runs no item after this one."""
        self._is_last = nextitem is None

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> object:
        """Run the case, and note its result."""
        planned = _planned(pyfuncitem)
        if planned is None:
            return None
        with warnings_are_no_errors():
            self.smoke.stop(planned)
            self._settle()
            self._run(pyfuncitem)
        return True

    def _run(self, item: pytest.Function) -> None:
        trial = cast("Trial", item.funcargs["trial"])
        case, limit = item.stash[_CASE], self.session.request.limit
        with self._guarded(trial, item):
            item.stash[_RESULT] = run_case(case, trial, compared_instead(case), limit)

    def _settle(self) -> None:
        """Freeze the garbage collector once, after the smoke checks.

        They load about a million objects of torch that stay until the end; no later collection need traverse them.
        """
        if self.smoke.was_tried and not self._is_settled:
            gc.collect()
            gc.freeze()
            self._is_settled = True

    @contextmanager
    def _guarded(self, trial: Trial, item: pytest.Function) -> Iterator[None]:
        """Guard the process's state around a case.

        State left by earlier cases is tolerated only if no fixture of someone else is active, which may set state
        around the case and restore it.
        """
        is_alone = _OWN_FIXTURES.issuperset(item.fixturenames)
        try:
            with trial.guard.watch(self._left if is_alone else {}, self._is_last):
                yield
        finally:
            self._left = trial.guard.left if is_alone else {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Attach the record of a cell to pytest's report, which reaches the controller under pytest-xdist."""
        try:
            report = yield
        except (Exception, SystemExit):  # raised by the exception itself, while pytest looked at it
            report = _report_without_traceback(item, call)
        planned = _planned(item)
        if planned is None:
            self._left = {}
            return report
        if call.when == "call" or call.excinfo is not None:
            record = self._record(planned.cell, call, item)
            plan = self.session.of(planned.cell.sparsifier)
            item.stash[_RECORD] = bound(weigh(record, plan.expectations), plan.found.declaration)
            _show_verdict(report, item.stash[_RECORD])
        if call.when == "teardown" and _RECORD in item.stash:
            self._made[planned.cell.id] = item.stash[_RECORD]
            report.user_properties.append((_PROPERTY, msgspec.json.encode(item.stash[_RECORD]).decode()))
            if altered := self._altered():
                report.user_properties.append((_ALTERED, altered))
        return report

    def _record(self, cell: Cell, call: pytest.CallInfo[Any], item: pytest.Item) -> Record:
        if call.excinfo is not None:
            adapter = self.session.of(cell.sparsifier).found.adapter
            return failed(cell.id, call.excinfo.value, adapter, _seconds(call), judging=call.when == "call")
        if _RESULT not in item.stash:
            message = "pytest did not run the case: another plugin or a patch of pytest prevented it"
            return Record(cell.id, Verdict.ERROR, "not-judged", message)
        return passed(cell.id, item.stash[_RESULT], _seconds(call))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Write down the cell that is about to be judged."""
        if self.writer is not None:
            self.writer.begin(nodeid)
            self._stop_if_unwritten(self.writer)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write the record of a finished cell, or of a cell whose worker died."""
        if self.writer is None:
            return
        for name, value in report.user_properties:
            if name == _PROPERTY and report.when == "teardown":
                self._add(self.writer, msgspec.json.decode(str(value), type=Record))
            if name == _ALTERED:
                self.writer.interrupted = f"the sparsifier replaced {value}, a part of the harness"
        if report.when not in ("setup", "call", "teardown"):
            self.writer.add_lost(report.nodeid, str(report.longrepr))
        self._stop_if_unwritten(self.writer)

    def _add(self, writer: ReportWriter, record: Record) -> None:
        """Write a record as this process made it, or as an xdist worker sent it."""
        own = self._made.get(record.cell, record)
        if own != record:
            writer.interrupted = f"another pytest plugin changed the record of {record.cell}"
        writer.add(own)

    def _stop_if_unwritten(self, writer: ReportWriter) -> None:
        """Stop pytest if records can no longer be written."""
        if writer.unwritten:
            pytest.exit(writer.unwritten, UNWRITTEN)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note the reason of an interruption for the footer."""
        if self.writer is not None:
            why = f"{type(excinfo.value).__name__}: {excinfo.value}".rstrip(": ")
            self.writer.interrupted = self.writer.unwritten or why

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note an error of pytest itself, or of another plugin, as the reason why cells were not judged."""
        if self.writer is not None and not self.writer.interrupted:
            error = excinfo.value
            self.writer.interrupted = f"pytest failed with {type_name(error)}: {said(error)}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the footer, and set the exit status from the report.

        Without a report, the collected cells count as a selection, so that `-k` can be used while an adapter is being
        written. With a report, as in `sparsecheck run`, every planned cell must be judged.
        """
        if self.writer is not None:
            if not self._is_strict:
                self.writer.select(self._collected)
            code = exit_code(self.writer.finish())
            session.exitstatus = UNWRITTEN if self.writer.unwritten else code

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the summary of the report."""
        if self.writer is not None and self.writer.report is not None:
            terminalreporter.section("sparsecheck")
            for line in (*origin_lines(self.writer.report), *summary(self.writer.report)):
                terminalreporter.line(terminal_line(line))


def _report_without_traceback(item: pytest.Item, call: pytest.CallInfo[Any]) -> pytest.TestReport:
    """Return pytest's report of a case whose exception cannot be shown; the record of the cell says what it can."""
    assert call.when != "collect"
    return pytest.TestReport(
        item.nodeid, item.location, dict.fromkeys(item.keywords, 1), "failed",
        "the exception of this case cannot be shown", call.when, (), call.duration, call.start, call.stop,
        item.user_properties,
    )


def _is_case(item: pytest.Item) -> bool:
    return requirement_judged_by(getattr(item, "function", None)) is not None


def _planned(item: pytest.Item) -> Planned | None:
    """Return the planned cell of an item; None for an ordinary test, and for a case without cells."""
    return item.stash.get(_PLANNED, None)


def _planned_for(item: pytest.Item) -> Planned | None:
    """Return the planned cell that an item was collected for, if any."""
    callspec = getattr(item, "callspec", None)
    parameter = callspec.params.get("trial") if callspec is not None and _is_case(item) else None
    return parameter if isinstance(parameter, Planned) else None


def _seconds(call: pytest.CallInfo[Any]) -> float:
    return round(call.duration, 4)


def _show_verdict(report: pytest.TestReport, record: Record) -> None:
    """Set pytest's outcome to match the verdict."""
    if record.verdict in (Verdict.KNOWN, Verdict.PROVISIONAL):
        report.outcome = "skipped"
        report.wasxfail = one_line(f"{record.defect}: {record.reason}" if record.defect else record.reason)
    elif record.verdict.is_red:
        report.outcome = "failed"
        report.__dict__.pop("wasxfail", None)
        if not report.longrepr or isinstance(report.longrepr, tuple):
            report.longrepr = printable(record.message)
