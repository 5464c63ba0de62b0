"""Interrupt runs at random moments, and print what is left: `python -m tools.interrupts --count 60 --seed 0`.

Each run judges two sparsifiers at the same time, one with two pytest-xdist workers. After each interruption, the run is
resumed, and its verdicts are compared with those of a run that was not interrupted. Exits with 1 if anything was lost.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from sparsecheck.values.record import Verdict

from .attempt import Attempt, Left, wait_until

LIMIT = 2.0
"""Seconds that a run may take to end."""

ADAPTER = """
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
class Subject(ExemplarAdapter): pass
"""

_SENDERS: dict[str, tuple[int, ...]] = {
    "group": (signal.SIGINT,),
    "parent": (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL),
    "child": (signal.SIGINT, signal.SIGTERM, signal.SIGKILL),
    "server": (signal.SIGTERM, signal.SIGKILL),
}
"""The signals by the process that receives them. `group` is the foreground process group of a terminal."""

KINDS = [(target, signal.Signals(number)) for target, numbers in _SENDERS.items() for number in numbers]


@dataclass(frozen=True)
class Interruption:
    """A planned interruption.

    Attributes:
        target: The process or group that receives the signals.
        signal: The signal.
        times: How often it is sent, a tenth of a second apart.
        after: The moment, as a share of the duration of a whole run.
    """

    target: str
    signal: signal.Signals
    times: int
    after: float

    def __str__(self) -> str:
        return f"{self.signal.name} x{self.times} to the {self.target} at {self.after:4.0%}"


def plan(count: int, seed: int) -> Iterator[Interruption]:
    """Yield `count` interruptions: all kinds in turn, at moments and with repetitions that depend on the seed."""
    numbers = random.Random(seed)
    for target, sent in itertools.islice(itertools.cycle(KINDS), count):
        yield Interruption(target, sent, numbers.choice((1, 1, 2, 3)), numbers.random())


def interrupt(attempt: Attempt, planned: Interruption, whole: float) -> Left:
    """Carry out a planned interruption of a run that takes `whole` seconds."""
    began = time.monotonic()
    finders: dict[str, Callable[[int], int | None]] = {"child": attempt.child, "server": attempt.server}
    find: Callable[[int], int | None] = finders.get(planned.target, lambda parent: parent)

    def moment(child: subprocess.Popen[str]) -> None:
        wait_until(lambda: time.monotonic() - began >= planned.after * whole, child)
        wait_until(lambda: find(child.pid), child)

    def send(parent: int) -> None:
        kill: Callable[[int, int], None] = os.killpg if planned.target == "group" else os.kill
        for number in range(planned.times):
            time.sleep(0.1 if number else 0)
            if found := find(parent):
                with suppress(ProcessLookupError):
                    kill(found, planned.signal)

    return attempt.interrupt(moment, send)


def faults(attempt: Attempt, planned: Interruption, left: Left) -> Iterator[str]:
    """Yield what is wrong after an interruption: anything but an end in time, with nothing left, lost or blamed."""
    ends = planned.target in ("group", "parent")
    if ends and left.seconds > LIMIT:
        yield f"ended after {left.seconds:.1f} s"
    if left.processes:
        yield f"processes left: {' | '.join(left.processes)}"
    if left.folders:
        yield f"folders left: {', '.join(left.folders)}"
    if left.lost:
        yield f"records lost: {len(left.lost)}, first {left.lost[0]}"
    if left.errors and planned.target != "child":
        yield f"blamed: {left.errors[0]}"
    if left.code not in ({-signal.SIGKILL, 0} if planned.signal is signal.SIGKILL and ends else {0, 3}):
        yield f"exit code {left.code}"
    if "Traceback" in left.output:
        yield f"traceback: {left.output[-300:]}"


def resumed(attempt: Attempt, whole: Mapping[str, Verdict]) -> Iterator[str]:
    """Resume a run, or run it again if nothing was begun, and yield a fault if its verdicts are other than `whole`."""
    begun = (attempt.folder / "out.jsonl").exists() or (attempt.folder / "out.jsonl.parts").exists()
    left = attempt.finish(*(("--resume",) if begun else ()))
    if left.code != 0:
        yield f"resumed with exit code {left.code}: {left.output[-300:]}"
    elif attempt.verdicts() != whole:
        yield "the resumed result differs"


def prepare(folder: Path) -> Attempt:
    """Write two adapters into a new folder, and return a run that judges them."""
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.py").write_text(ADAPTER, "utf-8")
    selected = ("--requirement", "MASK-01", "--requirement", "MASK-04")
    return Attempt(folder, ("one", "two", "--adapter", "one.py", "--adapter", "two.py", "-j", "2", *selected))


@click.command()
@click.option("--count", default=60, show_default=True, help="Interruptions.")
@click.option("--seed", default=0, show_default=True, help="Chooses the moments.")
def main(count: int, seed: int) -> None:
    """Interrupt runs at random moments, and print what is left."""
    failed = 0
    with TemporaryDirectory() as name:
        first = prepare(Path(name) / "whole")
        seconds, whole = first.finish().seconds, dict(first.verdicts())
        for number, planned in enumerate(plan(count, seed)):
            attempt = prepare(Path(name) / str(number))
            left = interrupt(attempt, planned, seconds)
            wrong = [*faults(attempt, planned, left), *resumed(attempt, whole)]
            failed += bool(wrong)
            click.echo(f"{planned}: exit {left.code} in {left.seconds:.1f} s: {'; '.join(wrong) or 'ok'}")
    click.echo(f"{count - failed} of {count} interruptions left nothing, lost nothing and blamed no one")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
