"""A standard output that is full, closed or no longer read ends in a sentence and the exit code 2, never in 1."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from sparsecheck.cli import main
from sparsecheck.commands import explain
from sparsecheck.report.report import write
from tests.samples import cell, passed, report

needs_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
SPARSECHECK = f"{shlex.quote(sys.executable)} -m sparsecheck"


def shell(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command in which `sparsecheck` stands for the command line; a pipe has the code of its first part."""
    text = f"set -o pipefail; {command.replace('sparsecheck', SPARSECHECK, 1)}"
    return subprocess.run(["bash", "-c", text], cwd=folder, capture_output=True, text=True, check=False)


def one_sentence(ended: subprocess.CompletedProcess[str], why: str) -> None:
    assert ended.returncode == 2
    said = f"sparsecheck: standard output cannot be written ({why}). Part of what was printed is lost."
    assert ended.stderr.splitlines() == [said]


@needs_full
@pytest.mark.parametrize("arguments", ["explain", "--help", "list --help", "schema", "explain --markdown"])
def test_a_full_disk(tmp_path: Path, arguments: str) -> None:
    one_sentence(shell(tmp_path, f"sparsecheck {arguments} > /dev/full"), "No space left on device")


def test_a_reader_that_goes_away(tmp_path: Path) -> None:
    one_sentence(shell(tmp_path, "sparsecheck explain --markdown | true"), "Broken pipe")


def test_a_closed_output(tmp_path: Path) -> None:
    one_sentence(shell(tmp_path, "sparsecheck explain >&-"), "Bad file descriptor")


def test_a_closed_output_does_not_become_the_file_that_is_opened_first(tmp_path: Path) -> None:
    write(report(passed(cell())), tmp_path / "r.jsonl")
    ended = shell(tmp_path, "sparsecheck report r.jsonl --markdown r.md --junit /dev/stdout >&- <&-")
    assert ended.returncode == 2
    assert "/dev/stdout cannot be written (Bad file descriptor)" in ended.stderr
    assert (tmp_path / "r.md").read_text("utf-8").startswith("## \N{WHITE HEAVY CHECK MARK} sparsecheck\n")


@needs_full
def test_files_are_written_although_nothing_can_be_printed(tmp_path: Path) -> None:
    write(report(passed(cell()), interrupted="Ctrl-C"), tmp_path / "r.jsonl")
    ended = shell(tmp_path, "sparsecheck report r.jsonl --junit r.xml > /dev/full")
    assert ended.returncode == 3
    assert 'errors="1"' in (tmp_path / "r.xml").read_text("utf-8")


@needs_full
@pytest.mark.parametrize("where", ["2> /dev/full", "2>&-", "2> /dev/full >&-"])
def test_a_broken_standard_error_changes_no_exit_code(tmp_path: Path, where: str) -> None:
    assert shell(tmp_path, f"sparsecheck report no.jsonl {where}").returncode == 2


def test_a_slow_reader_that_is_not_waited_for_gets_everything(tmp_path: Path) -> None:
    """Some CI systems leave their end of the pipe in the mode in which a full pipe is an error."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    command = [sys.executable, "-m", "sparsecheck", "explain", "--markdown"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=writing) as child:
        os.close(writing)
        with os.fdopen(reading) as stream:
            text = stream.read()
        assert child.wait() == 0
    assert text == CliRunner().invoke(main, ["explain", "--markdown"]).output


@pytest.mark.parametrize(
    ("error", "said"),
    [(FileNotFoundError(2, "It is gone", "a"), "sparsecheck: a cannot be used (It is gone)\n"),
     (OSError(24, "Too many open files"), "a file that this command needs cannot be written or read (Too many"),
     (BrokenPipeError(32, "Broken pipe"), "This is a defect of sparsecheck; please report it.\n"),
     (ZeroDivisionError("by zero"), "sparsecheck: ZeroDivisionError: by zero. This is a defect of sparsecheck; ")],
)
def test_no_unforeseen_error_ends_in_the_code_of_a_failure(
    monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    def fails(*arguments: object) -> None:
        raise error

    monkeypatch.setattr(explain, "requirement", fails)
    result = CliRunner().invoke(main, ["explain", "MASK-01"])
    assert (result.exit_code, said in result.output) == (2, True), result.output
    assert ("Traceback" in result.output) == ("defect of sparsecheck" in said)
