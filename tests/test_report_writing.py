"""A report is written whole or not at all, and whether it can be is known before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sparsecheck.report.report import Report, check_writable, encode, read, read_partial, write
from tests.samples import cell, passed, report

WHOLE = report(passed(cell(), cell("MASK-02")))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "report.jsonl"


def test_an_unfinished_write_leaves_the_older_report(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(WHOLE, file)

    def fails(self: Path, data: bytes) -> int:
        with self.open("wb") as part:
            part.write(data[:100])
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", fails)
    with pytest.raises(OSError, match="no space left"):
        write(report(passed(cell())), file)
    assert read(file) == WHOLE
    assert list(file.parent.iterdir()) == [file]


def test_an_unfinished_write_is_named_for_its_report_and_its_process(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: Path, data: bytes) -> int:
        raise OSError(self.name)

    monkeypatch.setattr(Path, "write_bytes", fails)
    with pytest.raises(OSError, match=rf"^report\.jsonl\.{os.getpid()}\.part$"):
        write(WHOLE, file)


def test_whether_a_report_can_be_written_is_known_before_and_changes_nothing(file: Path) -> None:
    check_writable(file)
    assert list(file.parent.iterdir()) == []
    write(WHOLE, file)
    check_writable(file)
    assert read(file) == WHOLE
    with pytest.raises(FileNotFoundError):
        check_writable(file.parent / "no" / "report.jsonl")


def test_nothing_is_tried_beside_a_pipe(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: Path) -> None:
        raise OSError(self.name)

    monkeypatch.setattr(Path, "touch", fails)
    with pytest.raises(OSError, match=r"report\.jsonl"):
        check_writable(file)
    os.mkfifo(file)
    check_writable(file)


def test_a_folder_is_no_place_for_a_part_of_a_report(file: Path) -> None:
    file.mkdir()
    check_writable(file)
    with pytest.raises(IsADirectoryError):
        write(WHOLE, file)
    assert list(file.parent.iterdir()) == [file]


def test_a_report_without_footer_is_written_without(file: Path) -> None:
    cut = Report(WHOLE.header, WHOLE.records, None)
    write(cut, file)
    assert read_partial(file) == cut
    assert file.read_bytes() == encode(cut.header) + b"".join(map(encode, cut.records))
