"""The command `sparsecheck gate`: reports that cannot be compared, files, exit codes and notes."""

from __future__ import annotations

from dataclasses import replace as replaced
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from sparsecheck.catalogue import revisions
from sparsecheck.cli import main
from sparsecheck.features.gate.gate_page import render_text
from sparsecheck.report.comparison import compare
from sparsecheck.report.report import (
    InterruptedReport,
    ProbeReport,
    Report,
    UnbalancedReport,
    UnmergedShard,
    write,
)
from sparsecheck.values.origin import Fingerprint, Origin
from sparsecheck.values.record import Footer, Record, Verdict
from sparsecheck.values.selection import Selection
from tests.installed import sparsecheck_without
from tests.samples import cell, passed, report

V = Verdict
WHOLE = report(passed(cell()))


def gate(folder: Path, old: Report, new: Report, *arguments: str) -> Result:
    write(old, folder / "old.jsonl")
    write(new, folder / "new.jsonl")
    files = ["--baseline", str(folder / "old.jsonl"), str(folder / "new.jsonl")]
    return CliRunner().invoke(main, ["gate", *files, *arguments])


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (report(passed(cell()), interrupted="Ctrl-C"), InterruptedReport),
        (replaced(WHOLE, footer=None), InterruptedReport),
        (report(passed(cell()), [cell(), cell("MASK-02")]), UnbalancedReport),
        (report(passed(cell()), selection=Selection(probe=True)), ProbeReport),
        (replaced(WHOLE, header=replace(WHOLE.header, shard="1/2")), UnmergedShard),
    ],
)
def test_incomplete_reports_are_not_compared(bad: Report, error: type[Exception]) -> None:
    with pytest.raises(error, match="the baseline"):
        compare(bad, WHOLE)
    with pytest.raises(error, match="the new report"):
        compare(WHOLE, bad)


def test_requirements_left_out_and_a_selection_are_reported() -> None:
    earlier = {id: revision for id, revision in revisions().items() if id != "MASK-02"}
    old = report(passed(cell()), requirements=earlier)
    new = report(passed(cell()), selection=Selection(areas=("MASK",)))
    lines = list(render_text(old, new, compare(old, new)))
    assert "  1 requirement left out (newer than the other catalogue): MASK-02" in lines
    old = report(passed(cell(), cell("REG-01")))
    assert "  1 cell in the selection of one run only: not compared" in list(render_text(old, new, compare(old, new)))


@pytest.mark.parametrize(
    ("bad", "code", "said"),
    [
        (replaced(WHOLE, footer=None), 3, "no footer"),
        (replaced(WHOLE, footer=report(passed(cell("MASK-02"), cell())).footer), 3, "contradicts"),
        (report(passed(cell()), interrupted="Ctrl-C"), 3, "interrupted (Ctrl-C)"),
        (report(passed(cell()), [cell(), cell("MASK-02")]), 3, "the plan and the records of"),
        (report(passed(cell()), selection=Selection(probe=True)), 2, "a probe"),
    ],
)
def test_exit_codes_for_reports_that_cannot_be_compared(tmp_path: Path, bad: Report, code: int, said: str) -> None:
    for old, new in ((bad, WHOLE), (WHOLE, bad)):
        ended = gate(tmp_path, old, new, "--junit", str(tmp_path / "j.xml"), "--markdown", str(tmp_path / "s.md"))
        assert (ended.exit_code, said in ended.output) == (code, True), ended.output
        assert 'errors="1"' in (tmp_path / "j.xml").read_text("utf-8")
        assert "\N{CROSS MARK}" in (tmp_path / "s.md").read_text("utf-8")


def test_other_code_is_shown_and_is_no_regression(tmp_path: Path) -> None:
    def judging(package: str, expectations: str = "") -> Report:
        [subject] = WHOLE.header.subjects
        fingerprint = Fingerprint(package * 64, "b" * 64, expectations * 64)
        states = replace(subject, origin=Origin("acme", "1.5", "/a.py"), fingerprint=fingerprint)
        return replaced(WHOLE, header=replace(WHOLE.header, subjects=(states,)))

    ended = gate(tmp_path, judging("a"), judging("c", "d"))
    assert ended.exit_code == 0, ended.output
    prefix = "code acme 1.5 (installed release), fingerprint"
    assert f"{prefix} aaaaaaaa+bbbbbbbb before, acme 1.5 (installed release), fingerprint cccccccc+b" in ended.output
    assert "expectations none before, dddddddd now: it" in ended.output
    older = gate(tmp_path, WHOLE, judging("a"))
    assert (older.exit_code, "fingerprint" in older.output) == (0, False), "an older report does not state it"


def test_exit_codes_for_files_that_are_not_reports(tmp_path: Path) -> None:
    (tmp_path / "no.jsonl").write_text("{}\n", "utf-8")
    for name, said in (("no.jsonl", "no.jsonl:1: "), ("absent.jsonl", "there is no report ")):
        write(WHOLE, tmp_path / "new.jsonl")
        ended = CliRunner().invoke(main, ["gate", "--baseline", str(tmp_path / name), str(tmp_path / "new.jsonl")])
        assert (ended.exit_code, said in ended.output) == (2, True), ended.output
    assert gate(tmp_path, report([Record(cell(), V.UNAVAILABLE)]), WHOLE).exit_code == 3


def test_the_result_of_a_baseline_of_another_catalogue_is_ignored(tmp_path: Path) -> None:
    """The result depends on the core requirements of its catalogue, which are not known here."""
    refused = [*passed(cell()), Record(cell("MASK-02"), V.REFUSED, refused_by="adapter")]
    old = report(refused, catalogue="another", requirements={}, format=1)
    assert old.footer is not None
    [outcome] = old.footer.outcomes
    otherwise = replaced(old, footer=Footer((replace(outcome, result="failure"),)))
    assert outcome.result == "green"
    assert gate(tmp_path, otherwise, report(refused)).exit_code == 0
    false = replaced(old, footer=Footer((replace(outcome, planned=3),)))
    assert gate(tmp_path, false, report(refused)).exit_code == 3


def test_an_unwritable_file_is_reported_and_never_green(tmp_path: Path) -> None:
    options = ("--markdown", str(tmp_path / "no" / "s.md"), "--junit", str(tmp_path / "j.xml"))
    ended = gate(tmp_path, WHOLE, WHOLE, *options)
    assert (ended.exit_code, "cannot be written" in ended.output) == (2, True)
    assert (tmp_path / "j.xml").exists()


def test_the_gate_needs_neither_torch_nor_jinja(tmp_path: Path) -> None:
    write(WHOLE, tmp_path / "new.jsonl")
    options = ("--junit", "j.xml", "--markdown", "s.md")
    ended = sparsecheck_without(
        {"torch", "jinja2"}, "gate", "--baseline", "new.jsonl", "new.jsonl", *options, cwd=tmp_path
    )
    assert (ended.returncode, ended.stderr) == (0, "")
