"""Child processes, one a sparsifier, each a pytest of its own: how they start, are watched and end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import NoReturn, Protocol

from .fork_client import Forks, NoServer, Wanted


class Child(Protocol):
    """What is used of a process."""

    @property
    def pid(self) -> int: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def kill(self) -> None: ...


@dataclass
class Children:
    """The processes under way, so that an interrupted parent leaves none behind. forks: what makes them; each has an
    interpreter of its own if there is none. codes: how those that ended by themselves did, by sparsifier."""

    forks: Forks | None = None
    alive: set[Child] = field(default_factory=set)
    stopping: bool = False
    codes: dict[str, int] = field(default_factory=dict)

    def run(
        self, name: str, command: Sequence[str], folder: Path, limit: float, environment: Mapping[str, str] = {},
        is_done: Callable[[], bool] = lambda: False,
    ) -> str:
        """Run `command` to its end; how it ended if not with exit code 0 or 1, else nothing.

        name: of the sparsifier; what it prints is left in `folder` under that name. limit: in seconds;
        then it is stopped. environment: what its variables differ in. is_done: whether it has left all that is
        wanted of it; if it does not end by itself then, a thread of the sparsifier's goes on, and it is stopped.
        """
        if self.stopping:
            return "not started"
        child = self._start(command, folder / f"{name}.log", {**_environment(), **environment})
        self.alive.add(child)
        if self.stopping:
            _kill(child)
        try:
            code = self.codes[name] = _wait(child, limit, is_done)
        except subprocess.TimeoutExpired:
            if is_done():
                return "left all that is wanted of it, but did not end, and was stopped"
            _note_end(folder, name, f"took longer than its {limit:g} s and was stopped")
            return "took too long"
        finally:
            _kill(child)
            self.alive.discard(child)
        return "" if code in (0, 1) else f"ended with exit code {code}"

    def _start(self, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> Child:
        if self.forks is not None:
            with suppress(NoServer):
                return self.forks.start(Wanted(tuple(command[len(_PYTEST):]), str(log), dict(environment)))
        with log.open("wb") as out:
            return subprocess.Popen(
                command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment,
                start_new_session=True,
            )

    def end(self) -> None:
        self.stopping = True
        for child in list(self.alive):
            _kill(child)


def _wait(child: Child, limit: float, is_done: Callable[[], bool]) -> int:
    """The exit code.

    Raises:
        subprocess.TimeoutExpired: it goes on beyond its limit, or beyond a grace after all was done.
    """
    until = time.monotonic() + limit
    while True:
        try:
            return child.wait(_LOOK)
        except subprocess.TimeoutExpired:
            if is_done():
                return child.wait(_GRACE)
            if time.monotonic() > until:
                raise


_LOOK, _GRACE = 0.5, 10.0
"""Seconds between two looks at what a child has left, and those in which it may end by itself once that is all."""


def run_each(
    names: Sequence[str], jobs: int, run_one: Callable[[str, Children], str], tell: Callable[[str], None],
    losses: list[str], forked: bool = False,
) -> None:
    """Run `run_one` for each of `names`, `jobs` at a time; Ctrl-C or SIGTERM ends them all and is added to `losses`.

    run_one: says in a word or two how it ended. tell: is given a line whenever one has. forked: whether the processes
    may be forked from one that holds torch.
    """
    forks = Forks(_environment()) if forked and len(names) > 1 and sys.platform == "linux" else None
    children = Children(forks)
    with ThreadPoolExecutor(jobs) as pool, _ending(children, losses):
        futures = {pool.submit(run_one, name, children): name for name in names}
        for future in as_completed(futures):
            tell(f"{futures[future]}: {future.result()}")
    if forks is not None:
        forks.end()


@contextmanager
def _ending(children: Children, losses: list[str]) -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        yield
    except KeyboardInterrupt as interrupt:
        losses.append(str(interrupt) or "interrupted by the user")
        children.end()
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminated(*_: object) -> NoReturn:
    raise KeyboardInterrupt("ended by SIGTERM")


_PYTEST = (sys.executable, "-m", "pytest")


def pytest_command(folder: Path, target: str, plugin: str) -> list[str]:
    """Return the command line of a pytest that ignores every configuration and plugin of the user.

    Args:
        folder: An existing folder for its empty configuration file.
        target: The module or file to collect.
        plugin: The module of the one plugin of ours that it loads; more arguments may be appended.
    """
    (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
    return [
        *_PYTEST, "--pyargs", target, "-q", "-ra", "--noconftest",
        "-c", str(folder / "pytest.ini"), "--rootdir", str(folder),
        "-p", "no:cacheprovider", "-p", "no:logging", "-p", plugin,
    ]


def _environment() -> dict[str, str]:
    """The caller's, less what would let a user's other pytest plugins and options into the judgement."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return {"OMP_NUM_THREADS": "1", **kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


def _kill(child: Child) -> None:
    """End the child and whatever it started; its session is its own."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        child.kill()
    child.wait()


def _note_end(folder: Path, name: str, how: str) -> None:
    (folder / f"{name}.end").write_text(how, "utf-8")


def how_it_ended(folder: Path, name: str, otherwise: str = "its process ended before its report did") -> str:
    """Of a child that did not finish; `otherwise` if it was not stopped."""
    note = folder / f"{name}.end"
    return note.read_text("utf-8") if note.exists() else otherwise


def last_words(folder: Path, name: str) -> str:
    """The end of what a child printed, in one line, without pytest's rules and headings."""
    log = folder / f"{name}.log"
    lines: Sequence[str] = log.read_text("utf-8", "replace").splitlines() if log.exists() else ()
    words = [line.strip() for line in lines if line.strip() and not line.startswith(("===", "!!!", "___"))]
    return shorten(" / ".join(word[-300:] for word in words[-3:]), 900, placeholder=" ...") or "nothing"
