"""A probe tries the undeclared capabilities of an adapter and gives no verdict."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from sparsecheck.report.report import read
from sparsecheck.show.probe import probe_lines
from sparsecheck.values.record import Record, Subject, Verdict
from tests.faulty import run, written
from tests.samples import declaration

LEAVES_OUT = """
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter, Refused

class Undecided(ExemplarAdapter):
    supported = ExemplarAdapter.supported.replace("restore ", "").replace("tied ", "").replace("scope_all ", "")

    def attach(self, model, plan, context):
        if plan.scope == "all":
            raise Refused("scope 'all' is not offered")
        return super().attach(model, plan, context)
"""


def test_undeclared_capabilities_are_tried_and_reported(tmp_path: Path) -> None:
    file, report = written(tmp_path, LEAVES_OUT), tmp_path / "report.jsonl"
    ended = run(tmp_path, "--adapter", str(file), "--probe-undeclared", "--report", str(report))
    assert ended.code == 2, ended.output
    assert "faulty: PROBE (mask profile" in ended.output
    assert "  restore: 50 of 50 cells pass: declare it supported\n" in ended.output
    assert "  tied: 1 of 1 cells pass: declare it supported\n" in ended.output
    advice = "declare it unsupported and refuse it by name, or declare it supported and fix it"
    assert f"  scope_all: 0 of 3 cells pass: {advice}\n" in ended.output
    assert "raised Refused: scope 'all' is not offered" in ended.output
    assert "Nothing above is a verdict; declare them and run again." in ended.output
    areas = {one.cell.split(":")[1].split("-")[0] for one in read(report).records}
    assert areas == {"SMOKE", "MASK", "REG", "STATE", "OPTIM", "SCHED", "RESUME", "LIFE", "MODEL", "DEVICE"}
    assert run(tmp_path, "--adapter", str(file)).code == 2


def test_an_adapter_that_declares_all_has_nothing_to_probe(tmp_path: Path) -> None:
    ended = run(tmp_path, "exemplar", "--probe-undeclared")
    assert ended.code == 2
    assert "declares every capability: there is nothing to probe" in ended.output


FINALIZED = "it:TRACE-05/linear/given/float32/cpu"
EXPORTED = "it:TRACE-06/linear/given/float32/cpu"
BOTH = "it:TRACE-09/linear/given/float32/cpu"


def _render(supposed: str, *records: Record) -> str:
    subject = Subject("it", replace(declaration(), supposed=tuple(supposed.split())))
    return "\n".join(probe_lines(subject, records))


def _failed(cell: str, message: str = "output differs") -> Record:
    return Record(cell, Verdict.FAILED, "output-differs", message)


@pytest.mark.parametrize(
    ("records", "line"),
    [
        ([Record(EXPORTED, Verdict.PASSED)], "export: 1 of 1 cells pass: declare it supported"),
        ([_failed(EXPORTED)], "export: 0 of 1 cells pass: declare it unsupported"),
        ([Record(EXPORTED, Verdict.PASSED), _failed(EXPORTED)], "export: 1 of 2 cells pass: declare it supported if"),
        ([Record(EXPORTED, Verdict.KNOWN)], "export: 0 of 1 cells pass"),
        ([Record(EXPORTED, Verdict.PASSED), _failed(BOTH)], "export: 1 of 1 cells pass: declare it supported"),
        ([_failed(BOTH)], "export: 0 of 1 cells pass, all of which need another undeclared capability"),
        ([Record(EXPORTED, Verdict.REFUSED)], "export: no cell on this machine needs it"),
        ([Record(EXPORTED, Verdict.UNAVAILABLE)], "export: no cell on this machine needs it"),
        ([Record(EXPORTED, Verdict.NOT_RUN)], "export: no cell on this machine needs it"),
        ([Record("it:TRACE-99/linear/given/float32/cpu", Verdict.PASSED)], "export: no cell on this machine needs it"),
        ([Record(FINALIZED, Verdict.PASSED)], "export: no cell on this machine needs it"),
    ],
)
def test_a_capability_is_judged_by_cells_that_need_no_other_undeclared_one(records: list[Record], line: str) -> None:
    assert line in _render("export finalize", *records)


def test_the_first_failure_is_shown_on_one_line_without_control_characters() -> None:
    text = _render("export", _failed(EXPORTED, "two\nlines \x1b[2J"))
    assert f"first failure: two lines \\x1b[2J\n    {EXPORTED}" in text
