"""Sparsifiers that interfere with their process or their report.

Several are judged in one run, each in its own process; the exit code of each alone is computed from its part.
"""

from __future__ import annotations

import os
import re
import select
from pathlib import Path

import pytest

from sparsecheck.values.record import Verdict
from tests.faulty import COUNT, SMOKE_CALLS, Ended, faulty, part, run_together, written

SECOND = (
    f"type(self).calls = getattr(type(self), 'calls', {-SMOKE_CALLS}) + 1\n"
    "        if self.calls == 2: "
)
"""Code that runs the rest at the second cell."""

REPORT = "sys.argv[sys.argv.index('--sparsecheck-report') + 1]"


def appends(line: bytes) -> str:
    """Return code that appends `line` to the report."""
    return f"open({REPORT}, 'ab').write({line!r})"


HARMLESS = (
    "sys.stdout and sys.stdout.write('x' * 3_000_000); os.write(1, b'y' * 3_000_000)\n"
    "        import atexit, gc, subprocess\n"
    "        sys.stdout = sys.stderr = None\n"
    "        type('Late', (), {'__del__': lambda self: sys.exit(0)})(); gc.collect()\n"
    "        atexit.register(os._exit, 5)\n"
    "        subprocess.Popen(['sh', '-c', 'echo left; exec sleep 600'], stdout=open('alive', 'w'))"
)
GOING_ON = "import threading; threading.Thread(target=time.sleep, args=(600,)).start()"


def test_running_thread_does_not_delay_the_end(tmp_path: Path) -> None:
    ended = run_together(tmp_path, [faulty(tmp_path, GOING_ON)], "--limit", "120")
    assert ended.code == 0, ended.output
    assert part(ended, "faulty").verdicts() == [Verdict.PASSED] * COUNT
    assert "faulty: wrote its whole report but did not exit, and was stopped" in ended.output


def test_output_is_harmless_and_child_processes_are_ended(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "alive")
    reader = os.open(tmp_path / "alive", os.O_RDONLY | os.O_NONBLOCK)
    ended = run_together(tmp_path, [faulty(tmp_path, HARMLESS)])
    assert ended.code == 0, ended.output
    assert part(ended, "faulty").verdicts() == [Verdict.PASSED] * COUNT
    assert _until_no_one_writes(reader) == b"left\n" * (SMOKE_CALLS + COUNT)


def _until_no_one_writes(reader: int) -> bytes:
    """Return everything that was written; a process that keeps the pipe open for half a minute is still alive."""
    text = b""
    while select.select([reader], [], [], 30)[0]:
        if not (chunk := os.read(reader, 4096)):
            return text
        text += chunk
    raise AssertionError("a process goes on")


RED = "import atexit, warnings; atexit.register(os._exit, 0); warnings.simplefilter('error'); warnings.warn('odd')"


def test_exit_code_zero_does_not_hide_a_failure(tmp_path: Path) -> None:
    ended = run_together(tmp_path, [faulty(tmp_path, RED)])
    assert ended.code == 1, ended.output
    red = [record.message for record in part(ended, "faulty").records if record.verdict is Verdict.NOT_RUN]
    assert len(red) == COUNT
    said = "SMOKE-01/linear/given/float32/cpu is failed: attach raises UserWarning: odd; look at attach, faulty.py:"
    assert all(message.startswith(f"faulty:{said}") for message in red)


CUT = {
    "terminated": SECOND + "import signal; os.kill(os.getpid(), signal.SIGTERM)",
    "faults": SECOND + "import signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "closes": SECOND + "os.closerange(3, 256)",
    "full": SECOND + f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize({REPORT}),) * 2)",
}
"""Sparsifiers that end the process, or its ability to write, at the second cell."""

RECORD = b'{"kind":"cell","cell":"doubles:MASK-04/linear/given/float32/cpu","verdict":"passed"}\n'
FOOTER = b'{"kind":"footer","outcomes":[]}\n'
MEDDLES = {
    "ends": f"{SECOND}{appends(FOOTER)}; os._exit(0)",
    "scribbles": f"{SECOND}{appends(FOOTER)}; {appends(b'3 passed' + bytes([10]))}",
    "doubles": f"{SECOND}{appends(RECORD)}",
    "deletes": f"{SECOND}os.unlink({REPORT})",
}
"""Sparsifiers that modify their own report at the second cell."""

@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    folder = tmp_path_factory.mktemp("cut")
    return run_together(folder, [faulty(folder, body, name) for name, body in CUT.items()])


def test_a_process_that_another_one_may_have_ended_is_not_blamed(cut: Ended) -> None:
    one = part(cut, "terminated")
    assert (cut.code, one.code) == (3, 3)
    assert one.verdicts() == [Verdict.PASSED]
    assert re.match(r"its process was killed by SIGTERM while judging terminated:MASK-04/\S+, by itself, ", one.lost)
    assert "terminated: NOT CONFORMANT" in cut.output


@pytest.mark.parametrize("name", ["faults", "closes"])
def test_verdicts_before_a_crash_are_kept(cut: Ended, name: str) -> None:
    one = part(cut, name)
    assert (cut.code, one.code) == (3, 3)
    assert one.verdicts() == [Verdict.PASSED, Verdict.ERROR]
    assert one.records[-1].signature == "crash"
    assert one.records[-1].message == "its process ended before it finished its report while this cell was being judged"
    assert one.lost.endswith(f"while judging {one.records[-1].cell}")
    assert f"{name}: NOT CONFORMANT" in cut.output


def test_verdicts_before_a_full_disk_are_kept_and_no_cell_is_blamed(cut: Ended) -> None:
    one = part(cut, "full")
    assert one.code == 3
    assert one.verdicts() == [Verdict.PASSED]
    assert "its records could not be written any further" in one.lost
    assert "full: NOT CONFORMANT" in cut.output


@pytest.fixture(scope="module")
def forged(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    folder = tmp_path_factory.mktemp("forged")
    return run_together(folder, [faulty(folder, body, name) for name, body in MEDDLES.items()])


ALL = [Verdict.PASSED] * COUNT


@pytest.mark.parametrize(
    ("name", "verdicts", "said"),
    [
        ("ends", [Verdict.PASSED, Verdict.ERROR], "the counts in the footer of its report do not match its records"),
        ("scribbles", ALL, "its report contains a line that is not one of its records (line "),
        ("doubles", [*ALL, Verdict.PASSED], ""),
        ("deletes", [], "no report"),
    ],
)
def test_tampering_is_reported_and_does_not_pass(forged: Ended, name: str, verdicts: list[Verdict], said: str) -> None:
    one = part(forged, name)
    assert forged.code == 3
    assert one.code == 3
    assert one.verdicts() == verdicts
    assert said in one.lost
    assert f"{name}: " in forged.output


def test_duplicate_record_is_reported(forged: Ended) -> None:
    said = "PLAN AND RECORDS DIFFER: 1 judged twice, first doubles:MASK-04/linear/given/float32/cpu"
    assert said in forged.output


def test_deleted_report_is_reported_with_the_last_output(forged: Ended) -> None:
    problem = part(forged, "deletes").problem
    assert re.match(r"the process of deletes exited with code \d before it wrote a report\. Its last output: ", problem)


def test_hanging_import_is_stopped_and_reported(tmp_path: Path) -> None:
    ended = run_together(tmp_path, [written(tmp_path, "import time; time.sleep(600)\n")], "--limit", "2")
    assert ended.code == 3
    one = part(ended, "faulty")
    assert (one.code, one.records) == (3, ())
    said = "its process took longer than 2 s and was stopped. Its last output: "
    assert one.problem.startswith(said)
    assert f"faulty: NOT JUDGED: {one.problem}" in ended.output
