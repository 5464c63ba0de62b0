"""A forked interpreter behaves as one that was started."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import warm_python
from tests.warm_python import COLD, Popen, is_warm, parse

pytestmark = pytest.mark.skipif(sys.platform != "linux" or COLD in os.environ, reason="nothing is forked here")


def both(tmp_path: Path, *arguments: str, **options: object) -> tuple[int, str, str]:
    """Return exit code, output and errors of a forked interpreter, the same as those of one that was started."""
    ended = []
    for environment in ({}, {COLD: "1"}):
        process = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False,
            env={**os.environ, "ODD": "yes", **environment}, **options,  # type: ignore[call-overload]
        )
        ended.append((process.returncode, process.stdout, process.stderr))
    assert ended[0] == ended[1]
    found: tuple[int, str, str] = ended[0]
    return found


@pytest.mark.parametrize(
    ("program", "code", "output"),
    [
        ("import os, sys; print(os.getcwd() == sys.argv[1], os.environ['ODD'], sys.path[0] == '')", 0, "True yes True"),
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('no')", 1, ""),
        ("import sys; print(sys.stdin.read()); 1 / 0", 1, "given"),
        ("import atexit, threading; atexit.register(print, 2); threading.Thread(target=print, args=(1,)).start()", 0,
         "1\n2"),
        ("import os; print(1, flush=True); os._exit(7)", 7, "1"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9, ""),
        ("print(__name__, 'main' in dir())", 0, "__main__ False"),
    ],
)
def test_a_program_ends_alike(tmp_path: Path, program: str, code: int, output: str) -> None:
    found = both(tmp_path, "-c", program, str(tmp_path), input="given")
    assert found[:2] == (code, output and output + "\n")


def test_a_module_and_a_file_run_alike(tmp_path: Path) -> None:
    (tmp_path / "it.py").write_text("import sys; print(__name__, sys.argv, sys.path[0], __file__)")
    assert str(tmp_path) in both(tmp_path, "-m", "it", "a")[1]
    assert "'it.py', 'a'" in both(tmp_path, "it.py", "a")[1]
    assert both(tmp_path, "-I", "-m", "it")[0] == 1, "the folder is not on the path"


def test_an_interpreter_is_forked_and_so_are_those_that_it_starts() -> None:
    program = "import os, sys, subprocess; print('torch' in sys.modules, 'sparsecheck' in sys.modules, flush=True)"
    nested = f"{program}; subprocess.run([sys.executable, '-c', {program!r}])"
    ended = subprocess.run([sys.executable, "-c", nested], capture_output=True, text=True, check=True)
    assert ended.stdout == "True False\nTrue False\n"


@pytest.mark.cold
def test_a_cold_test_starts_interpreters() -> None:
    program = "import sys; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "False\n"


def test_one_that_goes_on_can_be_waited_for_and_ended() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    assert isinstance(child, Popen)
    assert os.getsid(child.pid) == child.pid
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.05)
    assert child.poll() is None
    os.killpg(child.pid, signal.SIGTERM)
    assert child.wait(20) == -signal.SIGTERM == child.poll()


def test_a_child_that_ignores_nothing_is_interrupted() -> None:
    # Set the handler, since a background job of a shell ignores the signal.
    handled = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    child = subprocess.Popen([sys.executable, "-u", "-c", f"{handled}; import time; print(1); time.sleep(60)"],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert child.stdout is not None
    assert child.stdout.readline() == b"1\n"
    time.sleep(0.1)
    child.send_signal(signal.SIGINT)
    assert child.wait(20) == -signal.SIGINT
    child.stdout.close()


@pytest.mark.parametrize("environment", [{"PYTHONHASHSEED": "5"}, {"PYTHONHOME": "/"}, {"OMP_NUM_THREADS": "3"}])
def test_what_an_interpreter_reads_at_its_start_starts_one(environment: dict[str, str]) -> None:
    command = [sys.executable, "-c", ""]
    assert is_warm(command, {**os.environ})
    assert not is_warm(command, {**os.environ, **environment})


def test_a_hash_seed_of_the_whole_session_starts_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that tox sets does not count; a test that asks for another gets it."""
    monkeypatch.setenv("PYTHONHASHSEED", "77")
    assert [is_warm([sys.executable, "-c", ""], {"PYTHONHASHSEED": seed}) for seed in ("77", "0", "5")] == [
        True, True, False,
    ]


@pytest.mark.parametrize("command", [("-X", "dev", "-c", ""), ("--version",), ("-m",), ("-i", "it.py"), ()])
def test_what_cannot_be_taken_on_starts_one(command: tuple[str, ...]) -> None:
    assert parse(command) is None
    assert not is_warm([sys.executable, *command], {**os.environ})
    assert not is_warm(["/bin/sh", "-c", "true"], {**os.environ})


def test_what_does_not_exist_is_reported_alike(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        subprocess.run([sys.executable, "-c", ""], cwd=tmp_path / "none")


def test_a_process_that_nobody_waited_for_does_not_disturb_the_next() -> None:
    """`subprocess` keeps an abandoned process and polls it before it starts another, when its connection is closed."""
    abandoned = Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    connection, pipe = abandoned._connection, abandoned.stdin
    assert connection is not None
    assert pipe is not None
    del abandoned
    gc.collect()
    connection.close()
    ended = subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, text=True, check=True)
    assert ended.stdout == "1\n"
    pipe.close()


def test_a_server_that_is_gone_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process at hand starts from nothing, and the next one asks a new server."""
    monkeypatch.setattr(warm_python, "_servers", {os.getpid(): str(tmp_path / "gone")})
    assert subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, check=True).stdout == b"1\n"
    assert warm_python._servers == {}
