"""One process a sparsifier: what one of them does to its interpreter, or with it, stays its own.

The parent believes no exit code: it demands of each child a report with its footer, and holds the
records against the plan itself.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .. import catalogue
from ..judging.report import InvalidReport, Report, join, read_partial
from ..values.record import Header, Record, Subject, Verdict
from ..values.selection import Selection
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


@dataclass
class Children:
    """The processes under way, so that an interrupted parent leaves none behind."""

    alive: set[subprocess.Popen[bytes]] = field(default_factory=set)
    stopping: bool = False

    def end(self) -> None:
        self.stopping = True
        for child in list(self.alive):
            _kill(child)


def judge_apart(run: Run, tell: Callable[[str], None]) -> Report:
    """The joined report of all `run.names`; its footer says if something cut the run short.

    tell: is given a line whenever a sparsifier has been judged.
    """
    children, losses = Children(), list[str]()
    with tempfile.TemporaryDirectory(prefix="sparsecheck-") as folder, ThreadPoolExecutor(run.jobs) as pool:
        futures = {pool.submit(_judge_one, run, name, Path(folder), children): name for name in run.names}
        with _ending(children, losses):
            for future in as_completed(futures):
                tell(f"{futures[future]}: {future.result()}")
        reports = [_gathered(name, Path(folder), run.selection, losses) for name in run.names]
    return join(reports, interrupted="; ".join(losses))


@contextmanager
def _ending(children: Children, losses: list[str]) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        losses.append("interrupted by the user")
        children.end()


def _judge_one(run: Run, name: str, folder: Path, children: Children) -> str:
    """Run the child to its end; in one word or two how it ended."""
    if children.stopping:
        return "not started"
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    with (folder / f"{name}.log").open("wb") as log:
        child = subprocess.Popen(
            _command(run, name, folder), stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            env=_environment(), start_new_session=True,
        )
        children.alive.add(child)
        try:
            code = child.wait(run.limit)
            return "judged" if code in (0, 1) else f"ended with exit code {code}"
        except subprocess.TimeoutExpired:
            _note_end(folder, name, f"took longer than its {run.limit:g} s and was stopped")
            return "took too long"
        finally:
            _kill(child)
            children.alive.discard(child)


def _command(run: Run, name: str, folder: Path) -> list[str]:
    command = [
        sys.executable, "-m", "pytest", "--pyargs", "sparsecheck.cases", "-q", "-ra", "--noconftest",
        "-c", str(folder / "pytest.ini"), "--rootdir", str(folder),
        "-p", "no:cacheprovider", "-p", "sparsecheck.running.plugin", "-p", "pytest_timeout",
        "--sparsecheck-subject", name, "--sparsecheck-report", str(folder / f"{name}.jsonl"),
        "--sparsecheck-limit", f"{run.case_limit:g}",
    ]
    command += [part for file in run.adapters for part in ("--sparsecheck-adapter", str(file))]
    command += _selectors(run.selection, name)
    if run.workers:
        command += ["-p", "xdist.plugin", "-n", str(run.workers), "--dist", "worksteal", "--max-worker-restart", "4"]
    return [*command, *run.pytest_args]


def _selectors(selection: Selection, name: str) -> Iterator[str]:
    kinds = (("area", selection.areas), ("requirement", selection.requirements), ("cell", selection.cells))
    for kind, values in kinds:
        for value in values:
            yield from (f"--sparsecheck-{kind}", value)


def _environment() -> dict[str, str]:
    """The caller's, less what would let a user's other pytest plugins and options into the judgement."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {"OMP_NUM_THREADS": "1", **kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End the child and whatever it started; its session is its own."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        child.kill()
    child.wait()


def _note_end(folder: Path, name: str, how: str) -> None:
    (folder / f"{name}.end").write_text(how, "utf-8")


def _gathered(name: str, folder: Path, selection: Selection, losses: list[str]) -> Report:
    """What one child left: its report, or as much of it as there is."""
    path = folder / f"{name}.jsonl"
    try:
        report = read_partial(path)
    except (InvalidReport, OSError) as error:
        why = f"its process left no report ({error}); it said last: {_last_words(folder / f'{name}.log')}"
        losses.append(f"{name}: no report")
        return Report(_empty_header(name, selection, why), (), None)
    if report.footer is None:
        how, cell = _how_it_ended(folder, name), _in_flight(path)
        losses.append(f"{name}: {how}" + (f" while judging {cell}" if cell else ""))
        return Report(report.header, (*report.records, *_lost(report, cell, how)), None)
    if report.footer.interrupted:
        losses.append(f"{name}: {report.footer.interrupted}")
    return report


def _how_it_ended(folder: Path, name: str) -> str:
    note = folder / f"{name}.end"
    return note.read_text("utf-8") if note.exists() else "its process ended before its report did"


def _in_flight(path: Path) -> str:
    current = in_flight(path)
    return current.read_text("utf-8") if current.exists() else ""


def _lost(report: Report, cell: str, how: str) -> Iterator[Record]:
    planned = {id for subject in report.header.subjects for id in subject.planned}
    if cell in planned and cell not in {record.cell for record in report.records}:
        yield Record(cell, Verdict.ERROR, "crash", f"{how} while this cell was being judged")


def _empty_header(name: str, selection: Selection, problem: str) -> Header:
    return Header(catalogue.digest(), "", (Subject(name, problem=problem),), selection)


def _last_words(log: Path) -> str:
    lines: Sequence[str] = log.read_text("utf-8", "replace").strip().splitlines() if log.exists() else ()
    return " / ".join(line.strip() for line in lines[-3:]) or "nothing"
