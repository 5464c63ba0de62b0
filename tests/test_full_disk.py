"""A really full disk during a run: the records are kept, the run reports the cause, and it can be resumed."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sparsecheck.report.report import Report, read, read_partial
from sparsecheck.run.report_writer import UNWRITTEN
from tests.faulty import run

ASKED = ("exemplar", "--area", "SMOKE", "--area", "MASK")
PAGE = 4096


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, int, int]:
    """Run where there is enough room; return the lengths of the first line and of the whole report."""
    folder = tmp_path_factory.mktemp("whole")
    ended = run(folder, *ASKED)
    assert ended.report is not None, ended.output
    text = (folder / "out.jsonl").read_bytes()
    return ended.report, text.index(b"\n"), len(text)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return an empty folder to mount a disk on."""
    folder = tmp_path / "disk"
    folder.mkdir()
    yield folder
    subprocess.run(["umount", str(folder)], capture_output=True, check=False)


def mounted(disk: Path, size: int, *options: str) -> None:
    given = ",".join((*options, f"size={size}"))
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", given, "none", str(disk)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("nothing can be mounted here")


def resumable(disk: Path, whole: Report) -> Report:
    """Return the records that the first attempt left next to its report, all of them readable."""
    assert not (disk / "out.jsonl").exists()
    assert not list(disk.glob("*.part"))
    left = read_partial(disk / "out.jsonl.parts" / "000001" / "exemplar.jsonl")
    assert {record.cell for record in left.records} <= set(whole.header.subjects[0].planned)
    assert (disk / "out.jsonl.parts" / "000001" / "exemplar.jsonl").read_bytes().endswith(b"\n"), "half a line"
    return left


def said_once(output: str) -> None:
    """One sentence, and no traceback."""
    assert output.count("out.jsonl cannot be written") == 1
    assert "out.jsonl.parts. Free some space, then finish with --resume." in output
    assert "Traceback" not in output


@pytest.mark.parametrize("share", [0.6, 1.5], ids=["while it is judged", "when all is judged"])
def test_a_full_disk_loses_nothing_recorded(disk: Path, whole: tuple[Report, int, int], share: float) -> None:
    report, header, length = whole
    mounted(disk, (header + int((length - header) * share)) // PAGE * PAGE)
    cut = run(disk, *ASKED)
    assert cut.code == 3, cut.output
    said_once(cut.output)
    left = resumable(disk, report)
    assert left.records
    assert (len(left.records) < len(report.records)) == (share < 1)
    assert ("its records could not be written any further" in cut.output) == (share < 1)
    again = run(disk, *ASKED, "--resume")
    assert again.code in (2, 3), again.output
    assert "Traceback" not in again.output
    assert resumable(disk, report) == left
    mounted(disk, 1 << 22, "remount")
    ended = run(disk, *ASKED, "--resume")
    assert ended.code == 0, ended.output
    assert f"resuming with {len(left.records)} records" in ended.output
    assert set(left.records) <= set(read(disk / "out.jsonl").records)
    assert {one.cell: one.verdict for one in read(disk / "out.jsonl").records} == {
        one.cell: one.verdict for one in report.records
    }
    assert [one.name for one in disk.iterdir()] == ["out.jsonl"]


def limited(folder: Path, size: int, *module: str) -> subprocess.CompletedProcess[str]:
    """`python -m`, by which no file may grow beyond `size`."""
    return subprocess.run(
        [sys.executable, "-m", *module], cwd=folder, capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY)),
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )


def test_a_file_that_may_not_grow_loses_nothing_recorded(tmp_path: Path, whole: tuple[Report, int, int]) -> None:
    report, header, length = whole
    cut = limited(tmp_path, (header + length) // 2, "sparsecheck", "run", "--report", "out.jsonl", *ASKED)
    assert cut.returncode == 3, cut.stderr
    said_once(cut.stdout + cut.stderr)
    left = resumable(tmp_path, report)
    assert 0 < len(left.records) < len(report.records)
    ended = run(tmp_path, *ASKED, "--resume")
    assert ended.code == 0, ended.output
    assert set(left.records) <= set(read(tmp_path / "out.jsonl").records)
    assert len(read(tmp_path / "out.jsonl").records) == len(report.records)


def test_plain_pytest_stops_where_no_more_can_be_recorded(tmp_path: Path, whole: tuple[Report, int, int]) -> None:
    report, header, length = whole
    options = ("--sparsecheck-subject", "exemplar", "--sparsecheck-area", "SMOKE", "--sparsecheck-area", "MASK")
    ended = limited(tmp_path, (header + length) // 2, "pytest", "--pyargs", "sparsecheck.cases", "-p",
                    "no:cacheprovider", "--sparsecheck-report", "out.jsonl", *options)
    assert ended.returncode == UNWRITTEN, ended.stdout
    assert "Exit: its records could not be written any further (File too large)" in ended.stdout
    left = read_partial(tmp_path / "out.jsonl")
    assert left.footer is None
    assert 0 < len(left.records) < len(report.records)
