"""Reports that cannot be written, or are written by two runs at the same time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


def sparsecheck(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sparsecheck", "run", "exemplar", "--requirement", "REG-05", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@needs_full
def test_full_disk_loses_the_report_but_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "report.jsonl").symlink_to(FULL)
    ended = sparsecheck(tmp_path, "--report", "report.jsonl")
    assert ended.returncode == 3
    assert "report.jsonl cannot be written (No space left on device). The verdicts follow." in ended.stderr
    assert "1 cell planned: 1 passed" in ended.stdout
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("path", "said"),
    [("no/report.jsonl", "No such file or directory"), ("file/report.jsonl", "Not a directory"),
     ("x" * 250 + ".jsonl", "File name too long"), ("/proc/report.jsonl", "")],
)
def test_unwritable_report_is_reported_before_judging(
    tmp_path: Path, path: str, said: str
) -> None:
    (tmp_path / "file").touch()
    ended = sparsecheck(tmp_path, "--report", path)
    assert ended.returncode == 2
    assert ended.stdout == ""
    [line] = ended.stderr.splitlines()
    assert line.startswith(f"sparsecheck: {path} cannot be written ({said}")


def test_read_only_folder_is_no_obstacle() -> None:
    ended = sparsecheck(Path("/proc"))
    assert ended.returncode == 0, ended.stderr
    assert "1 cell planned: 1 passed" in ended.stdout


def test_plain_pytest_reports_it_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "--pyargs", "sparsecheck.cases", "-p", "no:cacheprovider"]
    options = ["--sparsecheck-subject", "exemplar", "--sparsecheck-report", "no/report.jsonl"]
    ended = subprocess.run([*command, *options], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    said = "no/report.jsonl cannot be written (No such file or directory); name another file with --sparsecheck-report"
    assert f"ERROR: {said}" in ended.stderr.splitlines()
    assert "Traceback" not in ended.stdout + ended.stderr
