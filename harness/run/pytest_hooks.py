"""The pytest hooks of a run that judges: from outcomes to records, from records to the exit code."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from ..report.ledger import Planned
from ..report.report import exit_code
from ..report.verdict import bound, weigh
from ..show.summary import summary
from ..trials.case_marker import requirement_judged_by
from ..trials.refusal import RefusedBy, judge_refusal
from ..values.cell import Cell
from ..values.record import Record, Verdict
from .case_outcome import failed, passed
from .report_writer import UNWRITTEN, Recorder
from .session import Session
from .smoke_test import SmokeTest

if TYPE_CHECKING:
    from ..trials.trial import Trial

_PROPERTY = "sparsecheck-record"
_ALTERED = "sparsecheck-altered"
_REFUSED = pytest.StashKey[RefusedBy | None]()
_JUDGED = pytest.StashKey[bool]()
_OWN_FIXTURES = frozenset(("request", "trial"))
_RECORD = pytest.StashKey[Record]()


class Judge:
    """Registered once a run; in the controller or a serial run it also keeps the report.

    altered: which part of the harness is not as it was before any adapter was loaded.
    """

    def __init__(self, config: pytest.Config, session: Session, altered: Callable[[], str]) -> None:
        self.config = config
        self.session = session
        self._altered = altered
        self.smoke = SmokeTest(session)
        self._left: Mapping[str, Any] = {}
        self._is_settled = False
        is_worker = hasattr(config, "workerinput")
        path = config.option.sparsecheck_report
        self.recorder = None if is_worker else Recorder(session, Path(path) if path else None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Drop the placeholders of cases without cells; give every case its time limit."""
        items[:] = [item for item in items if not _is_case(item) or _planned(item) is not None]
        for item in items:
            if _is_case(item):
                item.add_marker(pytest.mark.timeout(self.session.asked.limit, method="signal"))

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> object:
        """Run the case; where its cell takes what is unsupported, judge the refusal in its stead."""
        planned = _planned(pyfuncitem)
        if planned is None:
            return None
        self.smoke.stop(planned)
        self._settle()
        trial = cast("Trial", pyfuncitem.funcargs["trial"])
        with self._watching(trial, pyfuncitem):
            if planned.disposition == "refuse":
                pyfuncitem.stash[_REFUSED] = judge_refusal(trial, planned.why.split())
            else:
                pyfuncitem.obj(trial)
        pyfuncitem.stash[_JUDGED] = True
        return True

    def _settle(self) -> None:
        """What the smoke checks have loaded, a million objects of torch's, is there to stay: once they are over, the
        garbage collector need not go through it again."""
        if self.smoke.was_tried and not self._is_settled:
            gc.collect()
            gc.freeze()
            self._is_settled = True

    @contextmanager
    def _watching(self, trial: Trial, item: pytest.Function) -> Iterator[None]:
        """A fixture of someone else's may set what it likes around the case, and put it back."""
        is_alone = _OWN_FIXTURES.issuperset(item.fixturenames)
        try:
            with trial.guard.watch(self._left if is_alone else {}):
                yield
        finally:
            self._left = trial.guard.left if is_alone else {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        planned = _planned(item)
        if planned is None:
            self._left = {}
            return report
        if call.when == "call" or call.excinfo is not None:
            record = self._record(planned.cell, call, item)
            judged = self.session.of(planned.cell.sparsifier)
            item.stash[_RECORD] = bound(weigh(record, judged.expectations), judged.found.declaration)
            _show(report, item.stash[_RECORD])
        if call.when == "teardown" and _RECORD in item.stash:
            report.user_properties.append((_PROPERTY, msgspec.json.encode(item.stash[_RECORD]).decode()))
            if altered := self._altered():
                report.user_properties.append((_ALTERED, altered))
        return report

    def _record(self, cell: Cell, call: pytest.CallInfo[Any], item: pytest.Item) -> Record:
        if call.excinfo is not None:
            adapter = self.session.of(cell.sparsifier).found.adapter
            return failed(cell.id, call.excinfo.value, adapter, _seconds(call), judging=call.when == "call")
        if not item.stash.get(_JUDGED, False):
            said = "pytest did not run the case: something stands in its way"
            return Record(cell.id, Verdict.ERROR, "not-judged", said)
        return passed(cell.id, item.stash.get(_REFUSED, None), _seconds(call))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        if self.recorder is not None:
            self.recorder.begin(nodeid)
            self._stop_unwritten(self.recorder)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self.recorder is None:
            return
        for name, value in report.user_properties:
            if name == _PROPERTY and report.when == "teardown":
                self.recorder.add(msgspec.json.decode(str(value), type=Record))
            if name == _ALTERED:
                self.recorder.interrupted = f"what was judged replaced {value}, by which it is judged"
        if report.when not in ("setup", "call", "teardown"):
            self.recorder.add_lost(report.nodeid, str(report.longrepr))
        self._stop_unwritten(self.recorder)

    def _stop_unwritten(self, recorder: Recorder) -> None:
        """What cannot be recorded need not be judged."""
        if recorder.unwritten:
            pytest.exit(recorder.unwritten, UNWRITTEN)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        if self.recorder is not None:
            why = f"{type(excinfo.value).__name__}: {excinfo.value}".rstrip(": ")
            self.recorder.interrupted = self.recorder.unwritten or why

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.recorder is not None:
            code = exit_code(self.recorder.finish())
            session.exitstatus = UNWRITTEN if self.recorder.unwritten else code

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.recorder is not None and self.recorder.report is not None:
            terminalreporter.section("sparsecheck")
            for line in summary(self.recorder.report):
                terminalreporter.line(line)


def _is_case(item: pytest.Item) -> bool:
    return requirement_judged_by(getattr(item, "function", None)) is not None


def _planned(item: pytest.Item) -> Planned | None:
    """What a case's item was parametrized with; None for any other test, and for a case without cells."""
    callspec = getattr(item, "callspec", None)
    parameter = callspec.params.get("trial") if callspec is not None and _is_case(item) else None
    return parameter if isinstance(parameter, Planned) else None


def _seconds(call: pytest.CallInfo[Any]) -> float:
    return round(call.duration, 4)


def _show(report: pytest.TestReport, record: Record) -> None:
    """Let pytest's own outcome agree with the verdict."""
    if record.verdict in (Verdict.KNOWN, Verdict.PROVISIONAL):
        report.outcome = "skipped"
        report.wasxfail = record.reason
    elif record.verdict.is_red:
        report.outcome = "failed"
        report.__dict__.pop("wasxfail", None)
        if not report.longrepr or isinstance(report.longrepr, tuple):
            report.longrepr = record.message
