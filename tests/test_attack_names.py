"""Names and messages that could harm a terminal, a file system or a page."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from sparsecheck.cli import main
from sparsecheck.report.report import Report, read
from sparsecheck.report.verdict import said
from sparsecheck.show.summary import summary
from sparsecheck.values.record import Record, Verdict
from tests.installed import install
from tests.samples import cell, report

NAMES = ["acme/magnitude", "../../acme", "a\\b", "<b>acme</b>", "😀" * 64, "acme\x00", "acme\x1b[31m", "x" * 10_000,
         "-j", "acme magnitude", "acme:it", "über"]
GOOD = "from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter\n\nclass Good(ExemplarAdapter):\n    pass\n"


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_invalid_name_is_listed_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    install(tmp_path, monkeypatch, {name: "acme_good:Good"}, {"acme_good": GOOD})
    file, shown = tmp_path / "report.jsonl", repr(name[:64])
    result = CliRunner().invoke(main, ["run", shown, "--report", str(file)])
    assert result.exit_code == 2, result.output
    [subject] = read(file).header.subjects
    assert (subject.sparsifier, subject.planned) == (shown, ())
    assert subject.problem == f"{shown} is no name: letters, digits, '.', '_' and '-', at most 64"
    assert f"{shown}: NOT JUDGED: {subject.problem}" in result.output.splitlines()
    assert read(file).records == ()


@pytest.mark.parametrize(
    ("file", "name"),
    [("<b>😀.py", "b"), ("a\nb.py", "a-b"), ("😀.py", "adapter"), ("-j.py", "j"), ("x" * 64 + ".py", "x" * 64)],
)
def test_odd_file_name_is_cleaned_up(tmp_path: Path, file: str, name: str) -> None:
    (tmp_path / file).write_text(GOOD, "utf-8")
    result = CliRunner().invoke(main, ["list", "--check", "--adapter", str(tmp_path / file)])
    assert result.exit_code == 0, result.output
    assert any(line.startswith(f"{name} ") for line in result.output.splitlines())


def test_too_long_file_name_is_listed_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / f"{'x' * 65}.py").write_text(GOOD, "utf-8")
    result = CliRunner().invoke(main, ["run", "--adapter", str(tmp_path / f"{'x' * 65}.py")])
    assert result.exit_code == 2
    assert "is no name: letters, digits, '.', '_' and '-', at most 64" in result.output


ODD = "<script>\n\x00\x1b[31m\u202e😀" + "x" * 10_000


def test_control_characters_do_not_reach_the_terminal() -> None:
    failed = Record(cell(), Verdict.FAILED, "odd", ODD, reason=ODD, link=ODD)
    one = report([failed], interrupted=ODD)
    declared = one.header.subjects[0].declaration
    assert declared is not None
    odd = replace(one.header.subjects[0], declaration=replace(declared, version=ODD, distribution=ODD))
    broken = report(name="broken", problem=ODD).header.subjects[0]
    shown = list(summary(Report(replace(one.header, subjects=(odd, broken)), one.records, one.footer)))
    assert all(line.isprintable() for line in shown)
    assert all(len(line) < 1_500 for line in shown)
    assert sum("<script>" in line for line in shown) == 5


def test_huge_message_is_truncated() -> None:
    kept = said(ValueError("x" * 3_000_000 + " at 0x7f0011223344"))
    assert kept == "x" * 10_000 + " ... (2990009 more characters)"
