"""The pytest hooks of a run that judges: from outcomes to records, from records to the exit code."""

from __future__ import annotations

import traceback
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest
from _pytest.outcomes import Exit, Failed, Skipped, XFailed

from ..judging.compare import Violation
from ..judging.ledger import Planned
from ..judging.report import exit_code
from ..judging.verdict import recordable, said, signature, weigh
from ..references.reference import InvalidReference
from ..telling.summary import summary
from ..trials.case import judged_by
from ..trials.refusal import RefusedBy, judge_refusal
from ..values.record import Record, Verdict
from .recorder import Recorder
from .session import Session

if TYPE_CHECKING:
    from ..trials.trial import Trial

_PROPERTY = "sparsecheck-record"
_REFUSED = pytest.StashKey[RefusedBy]()
_RECORD = pytest.StashKey[Record]()
_OUTCOMES = (Skipped, XFailed, Failed, Exit, InvalidReference)


class Judge:
    """Registered once a run; in the controller or a serial run it also keeps the report."""

    def __init__(self, config: pytest.Config, session: Session) -> None:
        self.config = config
        self.session = session
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
        trial = cast("Trial", pyfuncitem.funcargs["trial"])
        with trial.guard.watch():
            if planned.disposition == "refuse":
                pyfuncitem.stash[_REFUSED] = judge_refusal(trial, planned.why.split())
            else:
                pyfuncitem.obj(trial)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        planned = _planned(item)
        if planned is None:
            return report
        if call.when == "call" or call.excinfo is not None:
            record = _record(planned.cell.id, call, item.stash.get(_REFUSED, ""))
            item.stash[_RECORD] = weigh(record, self.session.of(planned.cell.sparsifier).expectations)
            _show(report, item.stash[_RECORD])
        if call.when == "teardown" and _RECORD in item.stash:
            report.user_properties.append((_PROPERTY, msgspec.json.encode(item.stash[_RECORD]).decode()))
        return report

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        if self.recorder is not None:
            self.recorder.begin(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self.recorder is None:
            return
        for name, value in report.user_properties:
            if name == _PROPERTY and report.when == "teardown":
                self.recorder.add(msgspec.json.decode(str(value), type=Record))
        if report.when not in ("setup", "call", "teardown"):
            self.recorder.add_lost(report.nodeid, str(report.longrepr))

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        if self.recorder is not None:
            self.recorder.interrupted = f"{type(excinfo.value).__name__}: {excinfo.value}".rstrip(": ")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.recorder is not None:
            session.exitstatus = exit_code(self.recorder.finish())

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.recorder is not None and self.recorder.report is not None:
            terminalreporter.section("sparsecheck")
            for line in summary(self.recorder.report):
                terminalreporter.line(line)


def _is_case(item: pytest.Item) -> bool:
    return judged_by(getattr(item, "function", None)) is not None


def _planned(item: pytest.Item) -> Planned | None:
    """What a case's item was parametrized with; None for any other test, and for a case without cells."""
    callspec = getattr(item, "callspec", None)
    parameter = callspec.params.get("trial") if callspec is not None and _is_case(item) else None
    return parameter if isinstance(parameter, Planned) else None


def _record(cell: str, call: pytest.CallInfo[Any], refused_by: str) -> Record:
    if call.excinfo is None:
        verdict = Verdict.REFUSED if refused_by else Verdict.PASSED
        return Record(cell, verdict, refused_by=refused_by, seconds=_seconds(call))  # type: ignore[arg-type]
    error = call.excinfo.value
    return Record(cell, _red(error, call), signature(error), _message(error), seconds=_seconds(call))


def _red(error: BaseException, call: pytest.CallInfo[Any]) -> Verdict:
    """A judgement that went against the sparsifier, or one that could not be made."""
    judged = isinstance(error, Exception) and not isinstance(error, _OUTCOMES) and call.when == "call"
    return Verdict.FAILED if judged else Verdict.ERROR


def _message(error: BaseException) -> str:
    if isinstance(error, Violation):
        return recordable(error.message)
    if isinstance(error, (Skipped, XFailed, Exit)):
        return f"it called pytest.{type(error).__name__.lower()}: a sparsifier cannot skip a case ({said(error)})"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"in {frame.name}, {Path(frame.filename).name}:{frame.lineno}"
    return f"raised {type(error).__name__}: {said(error)} ({place})"


def _seconds(call: pytest.CallInfo[Any]) -> float:
    return round(call.duration, 4)


def _show(report: pytest.TestReport, record: Record) -> None:
    """Let pytest's own outcome agree with the verdict."""
    if record.verdict is Verdict.KNOWN:
        report.outcome = "skipped"
        report.wasxfail = record.reason
    elif record.verdict.is_red:
        report.outcome = "failed"
        report.__dict__.pop("wasxfail", None)
        if not report.longrepr or isinstance(report.longrepr, tuple):
            report.longrepr = record.message
