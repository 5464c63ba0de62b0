"""A report is written with or without its footer; how files are written is tested in test_files."""

from __future__ import annotations

from pathlib import Path

from sparsecheck.report.lines import encode
from sparsecheck.report.report import Report, read_partial, write
from tests.samples import cell, passed, report

WHOLE = report(passed(cell(), cell("MASK-02")))


def test_a_report_without_footer_is_written_without(tmp_path: Path) -> None:
    file, cut = tmp_path / "report.jsonl", Report(WHOLE.header, WHOLE.records, None)
    write(cut, file)
    assert read_partial(file) == cut
    assert file.read_bytes() == encode(cut.header) + b"".join(map(encode, cut.records))
