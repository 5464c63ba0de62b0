"""Signals: a run ends in time, with nothing left behind, nothing lost, and no sparsifier blamed."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sparsecheck.interrupts import GRACE, Interrupted, attend
from sparsecheck.values.record import Verdict
from tests.faulty import COUNT, KILLS_THE_SERVER, SMOKE_CALLS, SOME_CELLS, faulty, written
from tools.interrupts.attempt import Attempt, Left, wait_until

pytestmark = [
    pytest.mark.cold,  # the environment of each process is looked at, and which process starts which
    pytest.mark.skipif(sys.platform != "linux", reason="the processes of a run are found in /proc"),
]

LIMIT = 4.0
"""Seconds that a run may take to end; twice the promise, because tests share their processors."""

_HANGS_AT = f"""type(self).calls = getattr(type(self), 'calls', {-SMOKE_CALLS}) + 1
        self.calls == {{}} and not os.path.exists('mended') and [
            signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 32)),
            [signal.signal(one, signal.SIG_IGN) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)],
            __import__('threading').Thread(target=time.sleep, args=(60,)).start(),
            __import__('subprocess').Popen(['setsid', 'sleep', '60']),
            __import__('tempfile').mkdtemp(),
            open('hangs', 'w').close(), time.sleep(60),
        ]"""
"""Hangs at the cell of this number until it is mended, with a thread, a process in another session, signals blocked."""

_HOSTILE = _HANGS_AT.format(COUNT)
_HANGING_IMPORT = "import time; open('hangs', 'w').close(); time.sleep(60)\n"


def assert_ended(left: Left, reason: str) -> None:
    assert left.code == 3, left.output
    assert left.seconds < LIMIT, left.output
    assert f"INTERRUPTED ({reason}" in left.output
    assert "Traceback" not in left.output
    assert_clean(left)


def assert_clean(left: Left) -> None:
    assert (left.processes, left.folders, left.lost, left.errors) == ((), (), (), ())


def run_of(folder: Path, *bodies: str, ) -> Attempt:
    """Return a run of an adapter file per body of attach, all at the same time."""
    files = [faulty(folder, body, f"it{number}") for number, body in enumerate(bodies)]
    adapters = [part for file in files for part in ("--adapter", str(file))]
    return Attempt(folder, (*adapters, *SOME_CELLS, "-j", str(len(bodies))))


def hangs(folder: Path) -> Callable[[subprocess.Popen[str]], None]:
    """Return the moment at which a sparsifier hangs."""
    return lambda child: wait_until((folder / "hangs").exists, child)


def repeated(number: int, times: int, to: Callable[[int, int], None] = os.kill) -> Callable[[int], None]:
    def send(pid: int) -> None:
        for _ in range(times):
            to(pid, number)
            time.sleep(0.02)

    return send


def test_hanging_sparsifiers_are_ended_and_the_run_can_be_resumed(tmp_path: Path) -> None:
    run = run_of(tmp_path, _HOSTILE, _HOSTILE)
    left = run.interrupt(hangs(tmp_path), repeated(signal.SIGINT, 3, os.killpg))
    assert_ended(left, "interrupted by the user")
    assert "it0: stopped while judging it0:MASK-04/" in left.output
    (tmp_path / "mended").touch()
    resumed = run.finish("--resume")
    assert resumed.code == 0, resumed.output
    assert_clean(resumed)
    cells = [cell for cell, verdict in run.verdicts().items() if verdict is Verdict.PASSED]
    assert len(cells) == 2 * COUNT


def test_hanging_workers_are_ended(tmp_path: Path) -> None:
    run = run_of(tmp_path, _HANGS_AT.format(1))
    run = Attempt(tmp_path, (*run.arguments, "-n", "2"))
    left = run.interrupt(hangs(tmp_path), repeated(signal.SIGTERM, 2))
    assert_ended(left, "ended by SIGTERM")


@pytest.mark.parametrize(
    ("number", "reason"),
    [(signal.SIGHUP, "ended by SIGHUP"), (signal.SIGQUIT, "ended by SIGQUIT")],
)
def test_hanging_import_is_ended(tmp_path: Path, number: int, reason: str) -> None:
    file = written(tmp_path, _HANGING_IMPORT)
    run = Attempt(tmp_path, ("--adapter", str(file)))
    left = run.interrupt(hangs(tmp_path), repeated(number, 1))
    assert_ended(left, reason)
    assert "faulty: NOT JUDGED: the run was interrupted before it was judged" in left.output


def test_starting_fork_server_is_ended(tmp_path: Path) -> None:
    run = run_of(tmp_path, "pass", "pass")
    left = run.interrupt(
        lambda child: wait_until(lambda: run.server(child.pid), child), repeated(signal.SIGINT, 1)
    )
    assert_ended(left, "interrupted by the user")


def test_killed_run_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    run = run_of(tmp_path, _HOSTILE, _HOSTILE)
    left = run.interrupt(hangs(tmp_path), repeated(signal.SIGKILL, 1))
    assert left.code == -signal.SIGKILL
    assert_clean(left)
    assert len(run.recorded()) >= COUNT - 1


def test_killed_fork_server_costs_no_sparsifier_anything(tmp_path: Path) -> None:
    run = run_of(tmp_path, f"{KILLS_THE_SERVER}; time.sleep(0.3)", "time.sleep(0.3)")
    left = run.finish()
    assert left.code == 3
    assert "INTERRUPTED (the fork server, which starts the sparsifiers' processes, was killed by one" in left.output
    assert_clean(left)
    verdicts = run.verdicts()
    assert {cell.partition(":")[0] for cell in verdicts} == {"it0", "it1"}
    assert run.finish("--resume").code == 0
    assert run.verdicts() == verdicts


_KILLS_THE_OTHER = """while not os.path.exists('victim'):
            time.sleep(0.05)
        if not os.path.exists('done'):
            open('done', 'w').close()
            os.kill(int(open('victim').read()), 9)"""
_VICTIM = f"""type(self).calls = getattr(type(self), 'calls', {-SMOKE_CALLS}) + 1
        self.calls == {COUNT} and not os.path.exists('done') and [
            open('half', 'w').write(str(os.getpid())), os.rename('half', 'victim'), time.sleep(60)
        ]"""


def test_sparsifier_that_another_one_killed_is_not_blamed(tmp_path: Path) -> None:
    run = run_of(tmp_path, _KILLS_THE_OTHER, _VICTIM)
    left = run.finish()
    assert "INTERRUPTED (it1: its process was killed by SIGKILL while judging it1:MASK-04/" in left.output
    assert left.code == 3, left.output
    assert_clean(left)
    assert list(run.verdicts().values()).count(Verdict.PASSED) == 2 * COUNT - 1
    assert run.finish("--resume", "-j", "1").code == 0
    assert list(run.verdicts().values()).count(Verdict.PASSED) == 2 * COUNT


def test_interrupt_ends_a_command_whose_output_nobody_reads(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    command = [sys.executable, "-m", "sparsecheck", "explain", "--markdown"]
    child = subprocess.Popen(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: select.select([reader], [], [], 0)[0], child)
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=LIMIT)
    assert child.returncode == 3
    assert errors.startswith("sparsecheck: interrupted by the user\n")
    assert "Traceback" not in errors
    os.close(reader)
    os.close(writer)


def test_first_signal_raises_and_later_ones_do_nothing() -> None:
    """Under nohup, SIGHUP is ignored from the start."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        with attend():
            with pytest.raises(Interrupted, match="ended by SIGHUP"):
                signal.raise_signal(signal.SIGHUP)
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_attending_block_is_woken_once_and_its_surroundings_know() -> None:
    woken = list[str]()
    with attend() as outer:
        with attend(lambda: woken.append("woken")) as inner:
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
        assert (woken, inner.reason, outer.reason) == (["woken"], "ended by SIGTERM", "ended by SIGTERM")


def test_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with attend() as interruption:
        signal.raise_signal(signal.SIGHUP)
    assert (interruption.reason, signal.getsignal(signal.SIGHUP)) == ("", signal.SIG_IGN)
    signal.signal(signal.SIGHUP, before)


_ENDLESS = """
import time
from sparsecheck.interrupts import exit_with

def run():
    print("begun", flush=True)
    while True:
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            pass

exit_with(run)
"""


def test_process_exits_although_its_command_swallows_the_interrupt() -> None:
    child = subprocess.Popen([sys.executable, "-c", _ENDLESS], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    child.send_signal(signal.SIGTERM)
    assert child.wait(GRACE + LIMIT) == 3
