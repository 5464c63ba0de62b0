"""The fork server: forked children are isolated from each other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sparsecheck.run.fork_client import ForkedProcess, ForkRequest, ForkServer, ForkServerUnavailable
from sparsecheck.run.subprocesses import Children
from sparsecheck.values.record import Verdict
from tests.faulty import COUNT, KILLS_THE_SERVER, Ended, faulty, part, run_together, written

pytestmark = pytest.mark.cold  # how processes start is what is tested

PARENT = "open('parents.txt', 'a').write(open(f'/proc/{os.getppid()}/cmdline').read() + f' {os.getpid()}\\n')"

needs_fork = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks")


def passed(ended: Ended, name: str) -> bool:
    return part(ended, name).verdicts() == [Verdict.PASSED] * COUNT


@needs_fork
def test_all_children_have_one_parent_and_separate_processes(tmp_path: Path) -> None:
    files = [faulty(tmp_path, PARENT, name) for name in ("one", "two")]
    assert run_together(tmp_path, files).code == 0
    pairs = {tuple(line.rsplit(" ", 1)) for line in (tmp_path / "parents.txt").read_text().splitlines()}
    [parent] = {parent for parent, _ in pairs}
    assert "sparsecheck.run.fork_server" in parent
    assert len({child for _, child in pairs}) == 2


def test_process_state_of_one_child_is_invisible_to_others(tmp_path: Path) -> None:
    setting = "os.environ['ODD'] = 'yes'; torch.set_default_dtype(torch.float64)"
    seeing = "assert 'ODD' not in os.environ and torch.get_default_dtype() is torch.float32"
    files = [written(tmp_path, _AT_IMPORT.format(setting), "sets"), faulty(tmp_path, seeing, "sees")]
    assert passed(run_together(tmp_path, files, "-j", "1"), "sees")


_AT_IMPORT = """
import os
import torch
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
{}
class Sets(ExemplarAdapter): pass
"""


@needs_fork
def test_killing_the_fork_server_does_not_affect_other_sparsifiers(tmp_path: Path) -> None:
    files = [faulty(tmp_path, KILLS_THE_SERVER, "kills"), faulty(tmp_path, "pass", "after")]
    ended = run_together(tmp_path, files, "-j", "1")
    assert passed(ended, "after")


def test_without_a_fork_server_a_fresh_interpreter_is_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: ForkServer, request: ForkRequest) -> ForkedProcess:
        raise ForkServerUnavailable("here is none")

    monkeypatch.setattr(ForkServer, "start", refuse)
    command = [sys.executable, "-m", "pytest", "--version"]
    assert Children(ForkServer({})).run("it", command, tmp_path, 60.0) == ""
    assert "pytest" in (tmp_path / "it.log").read_text()


@needs_fork
def test_a_server_that_cannot_start_raises(tmp_path: Path) -> None:
    server = ForkServer({**os.environ, "PYTHONHOME": str(tmp_path)})
    with pytest.raises(ForkServerUnavailable):
        server.start(ForkRequest(("--version",), str(tmp_path / "log"), dict(os.environ)))


@needs_fork
def test_wait_times_out(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("import time\ndef test_it(): time.sleep(60)\n")
    server = ForkServer(os.environ)
    child = server.start(ForkRequest((str(tmp_path / "test_it.py"),), str(tmp_path / "log"), dict(os.environ)))
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.1)
    os.killpg(child.pid, 9)
    assert child.wait(20) == -9
    server.end()
