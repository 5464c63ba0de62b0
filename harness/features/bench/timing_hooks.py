"""The pytest hooks of a timing run: plan the entries, time them, and fail if a planned entry was not timed."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from ...adapter.discovery import BrokenAdapter, Found, find, load, name_of_file
from ...errors import SparsecheckError
from ...process.guard import Guard
from ...run.report_writer import cell_of, current_cell_file
from ...run.session import select_registrations
from ...show.escaping import terminal_line
from ...values.timing import Entry, State, Timing, plan
from .interleaving import Pace, Timer
from .measure import Benchmark, Settings, arm, measure, obstacle, verified_subject
from .other_release import OtherRelease, OtherReleaseFailed, start_other_release

if TYPE_CHECKING:
    from _pytest._code.code import ExceptionInfo

NAME = "sparsecheck-timekeeper"


class NotTimed(SparsecheckError):
    """Raised if a timing case would run without timing anything; the message says what to do."""


class Timekeeper:
    """The pytest plugin of a timing run, registered when the first timing case is collected.

    Attributes:
        settings: The settings of the run.
        plan: The planned entries.
        noted: The entries that were not timed, which are also written to the file of `--sparsecheck-timings`, one JSON
            line each. Timed entries are in the document of pytest-benchmark.
        timed: The entries that were timed.
    """

    def __init__(self, config: pytest.Config, names: Sequence[str], files: Sequence[Path]) -> None:
        self.noted: dict[Entry, Timing] = {}
        self.timed: set[Entry] = set()
        self._found: dict[str, Found] = {}
        self._other_releases: dict[str, OtherRelease] = {}
        self._open = ExitStack()
        path = config.option.sparsecheck_timings
        self._path = Path(path) if path else None
        self._files = tuple(files)
        settings = config.option.sparsecheck_timing_settings
        self.settings = msgspec.json.decode(settings, type=Settings) if settings else Settings()
        self.plan = plan([one.name for one in select_registrations(names, files)], self.settings.scope)
        self._entries = {entry.id: entry for entry in self.plan}
        for name in dict.fromkeys(entry.sparsifier for entry in self.plan):
            self._load(name, self._files)

    def _load(self, name: str, files: tuple[Path, ...]) -> None:
        entries = [entry for entry in self.plan if entry.sparsifier == name]
        try:
            found = self._found[name] = load(find(name, files))
        except BrokenAdapter as error:
            for entry in entries:
                self._note(entry, State.NOT_TIMED, str(error))
            return
        for entry in entries:
            if why := obstacle(entry, found):
                self._note(entry, State.NOT_OFFERED, why)

    def _note(self, entry: Entry, state: State, message: str) -> None:
        self.noted[entry] = Timing(entry, state, message)
        if self._path is not None:
            with self._path.open("ab") as file:
                file.write(msgspec.json.encode(self.noted[entry]) + b"\n")

    @property
    def to_time(self) -> list[str]:
        """Return the ids of the entries that can be timed."""
        return [entry.id for entry in self.plan if entry not in self.noted]

    @property
    def untimed(self) -> list[Entry]:
        """Return the planned entries that were neither timed nor noted with another state than `NOT_TIMED`."""
        accounted = self.timed | {entry for entry, timing in self.noted.items() if timing.state != State.NOT_TIMED}
        return [entry for entry in self.plan if entry not in accounted]

    def time(self, id: str, benchmark: Benchmark) -> None:
        """Time the entry with this id, and restore the process's state afterwards.

        Raises:
            NotTimed: pytest-benchmark is disabled.
        """
        if not benchmark.enabled:
            raise NotTimed("pytest-benchmark is disabled, so nothing would be timed")
        entry = self._entries[id]
        with Guard().keep():
            measure(entry, self._found[entry.sparsifier], self.settings, benchmark, self._rival(entry))

    def _rival(self, entry: Entry) -> Callable[[Pace], Timer] | None:
        """Return the function that prepares the rival for `entry`, or None if there is no rival."""
        rival = self.settings.rival
        if rival is None:
            return None
        name, file = entry.sparsifier, Path(rival.file)
        if rival.file:
            adapter = load(find(name_of_file(file), (file,))).adapter
            subject = verified_subject(self._found[name], entry)
            return partial(arm, entry, adapter, subject.workload)
        if name not in self._other_releases:
            started = self._open.enter_context(start_other_release(name, self._files, rival.folder))
            self._other_releases[name] = started
        return partial(self._other_releases[name].prepare, entry)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note whether an entry was timed, or why not."""
        report = yield
        entry = self._entries.get(cell_of(item.nodeid))
        if entry is not None and call.excinfo is not None:
            self.timed.discard(entry)
            self._note(entry, *_verdict(call.excinfo))
        elif entry is not None and call.when == "call" and _was_timed(item):
            self.timed.add(entry)
        return report

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Write down the entry that is about to be timed."""
        if self._path is not None:
            current_cell_file(self._path).write_text(cell_of(nodeid), "utf-8")

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Stop the other release, and set the exit status."""
        self._open.close()
        if self._path is not None:
            current_cell_file(self._path).unlink(missing_ok=True)
        if self.untimed:
            session.exitstatus = 3
        elif any(timing.state is State.RAISED for timing in self.noted.values()):
            session.exitstatus = session.exitstatus or 1

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Report how many planned entries were not timed."""
        if self.untimed:
            first = self.untimed[0]
            why = self.noted[first].message if first in self.noted else "its case was not run"
            terminalreporter.section("sparsecheck")
            count = f"{len(self.untimed)} of {len(self.plan)} planned entries"
            terminalreporter.line(terminal_line(f"{count} were not timed, first {first.id}: {why}"))


def timer_of(request: pytest.FixtureRequest, benchmark: Benchmark) -> Callable[[], None]:
    """Return the function that times the entry with which a timing case was parametrized."""
    keeper: Timekeeper | None = request.config.pluginmanager.get_plugin(NAME)
    assert keeper is not None
    return partial(keeper.time, request.param, benchmark)


def check(config: pytest.Config) -> None:
    """Raise if timing cases would time nothing in this run.

    Raises:
        NotTimed: pytest-benchmark is missing or disabled, or the run uses pytest-xdist.
    """
    option = config.option
    if not hasattr(option, "benchmark_skip"):
        raise NotTimed("a timing case needs pytest-benchmark: pip install sparsecheck[bench]")
    if hasattr(config, "workerinput") or getattr(option, "dist", "no") != "no":
        raise NotTimed(
            "pytest-benchmark times nothing under xdist: run timing cases without -n (or with -n 0) "
            "and with nothing else running, or use `sparsecheck bench`"
        )
    for name in ("skip", "disable"):
        if getattr(option, f"benchmark_{name}"):
            raise NotTimed(f"--benchmark-{name} prevents timing: remove the option, or do not run the timing cases")


def _verdict(excinfo: ExceptionInfo[BaseException]) -> tuple[State, str]:
    error = excinfo.value
    if isinstance(error, (NotTimed, OtherReleaseFailed, BrokenAdapter, pytest.skip.Exception)):
        return State.NOT_TIMED, str(error)
    return State.RAISED, " ".join(f"{type(error).__name__}: {error}".split())


def _was_timed(item: pytest.Item) -> bool:
    benchmark = getattr(item, "funcargs", {}).get("benchmark")
    return benchmark is not None and bool(benchmark.stats)
