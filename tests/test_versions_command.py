"""`sparsecheck versions` as a command: what it writes, and the reports that it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace as replaced
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sparsecheck.cli import main
from sparsecheck.features.versions.html import render_html
from sparsecheck.features.versions.markdown import render_markdown
from sparsecheck.features.versions.table import NoTorch, SameTorch, tabulate
from sparsecheck.report.lines import encode
from sparsecheck.report.report import EmptyReport, InterruptedReport, Report, ReportMismatch, write
from sparsecheck.values.selection import Selection
from tests.installed import sparsecheck_without
from tests.samples import cell, report
from tests.test_versions import FAILS, PASSED, on


def written(folder: Path, *reports: Report) -> list[str]:
    """Write the reports and return their paths."""
    files = [folder / f"{number}.jsonl" for number in range(len(reports))]
    for file, of in zip(files, reports, strict=True):
        file.write_bytes(b"".join(map(encode, (of.header, *of.records, *((of.footer,) if of.footer else ())))))
    return list(map(str, files))


def pages(folder: Path, files: Sequence[str]) -> Result:
    there = [f"{way}={folder / name}" for way, name in (("--html", "a.html"), ("--markdown", "a.md"))]
    return CliRunner().invoke(main, ["versions", *files, *there])


@pytest.mark.parametrize(
    ("reports", "exit", "said"),
    [
        ([replaced(on("2.1.2", PASSED), footer=None)], 3, "no footer"),
        ([on("2.1.2", PASSED, interrupted="Ctrl-C")], 3, "run that was interrupted (Ctrl-C). Run it again."),
        ([report([PASSED], [cell(), cell("MASK-02")])], 3, "the plan and the records of"),
        ([on("2.1.2", PASSED), on("2.1.2+cpu", PASSED)], 2, "it is in two reports on torch 2.1.2; leave one"),
        ([on("2.1.2", PASSED), on("2.4.1", PASSED, selection=Selection(areas=("MASK",)))], 2, "different selections"),
        ([on("2.1.2", PASSED, selection=Selection(probe=True))], 2, "a probe"),
        ([on("2.1.2", problem="it does not import")], 2, "does not say on which torch"),
        ([on("of mine", PASSED)], 2, "'of mine', which is no version"),
        ([report(subjects=())], 2, "contain no sparsifier"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_reports_that_do_not_combine_write_nothing(tmp_path: Path, reports: list[Report], exit: int, said: str) -> None:
    ended = pages(tmp_path, written(tmp_path, *reports))
    assert (ended.exit_code, said in ended.output) == (exit, True), ended.output
    assert len(ended.output.splitlines()) == 1
    assert not (tmp_path / "a.html").exists()
    assert not (tmp_path / "a.md").exists()


@pytest.mark.parametrize(
    ("reports", "named"),
    [
        ([on("2.1.2", PASSED)] * 2, SameTorch),
        ([on("2.1.2", problem="no")], NoTorch), ([report(subjects=())], EmptyReport),
        ([on("2.1.2", PASSED, interrupted="x")], InterruptedReport),
        ([on("2.1.2"), on("2.4.1", selection=Selection(areas=("MASK",)))], ReportMismatch),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_each_kind_of_unusable_report_has_its_own_exception(reports: list[Report], named: type[Exception]) -> None:
    with pytest.raises(named) as raised:
        tabulate(reports)
    assert raised.type is named


def test_a_folder_means_all_reports_in_it(tmp_path: Path) -> None:
    records = tmp_path / "records"
    records.mkdir()
    write(on("2.1.2", PASSED), records / "torch-2.1.jsonl.gz")
    write(on("2.4.1", FAILS), records / "torch-2.4.jsonl")
    (records / "README.md").write_text("none")
    assert pages(tmp_path, [str(records)]).exit_code == 0
    whole = tabulate([on("2.1.2", PASSED), on("2.4.1", FAILS)])
    assert (tmp_path / "a.md").read_text("utf-8") == render_markdown(whole)
    assert (tmp_path / "a.html").read_text("utf-8") == render_html(whole)
    assert pages(tmp_path, [str(tmp_path / "a.md" / "..")]).exit_code == 2


def test_an_empty_folder_and_a_missing_report_are_named(tmp_path: Path) -> None:
    assert "there is no report in the folder" in pages(tmp_path, [str(tmp_path)]).output
    assert "there is no report " in pages(tmp_path, [str(tmp_path / "absent.jsonl")]).output


def test_a_truncated_gzip_file_exits_like_any_truncated_report(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl.gz"
    write(on("2.1.2", PASSED), file)
    file.write_bytes(file.read_bytes()[:-9])
    ended = pages(tmp_path, [str(file)])
    assert (ended.exit_code, len(ended.output.splitlines())) == (3, 1)
    assert "ends in the middle of its gzip data" in ended.output


def test_naming_no_page_is_bad_usage_and_pages_do_not_need_torch(tmp_path: Path) -> None:
    files = written(tmp_path, on("2.1.2", PASSED))
    ended = CliRunner().invoke(main, ["versions", *files])
    assert (ended.exit_code, "nothing to write" in ended.output) == (2, True)
    without = sparsecheck_without({"torch"}, "versions", *files, "--html", "a.html", "--markdown", "a.md", cwd=tmp_path)
    assert (without.returncode, without.stderr) == (0, "")
