"""The Markdown of gate and report for a CI summary page: worst first, escaped, and within the size limit."""

from __future__ import annotations

from dataclasses import replace as replaced

import pytest
from msgspec.structs import replace

from sparsecheck.features.gate.gate_page import gate_markdown, render_text
from sparsecheck.report.comparison import compare
from sparsecheck.report.report import Report
from sparsecheck.show.run_page import MOST, page, report_markdown
from sparsecheck.values.record import Record, Subject, Verdict
from sparsecheck.values.selection import Selection
from tests.remade import remade, subject
from tests.samples import cell, environment, passed, report

V = Verdict
WIDE = "<&|\N{CJK UNIFIED IDEOGRAPH-4E00}`* " * 500


def many(verdict: Verdict, count: int, text: str) -> Report:
    records = [Record(f"it:AREA-{n}/a/b/c/d", verdict, "aliased: a", text, reason=text) for n in range(count)]
    return report(records, requirements={f"AREA-{n}": 1 for n in range(count)})


@pytest.mark.parametrize(
    ("count", "text"), [(1, ""), (3000, ""), (1, WIDE), (1000, WIDE)], ids=["one", "many", "one wide", "many wide"]
)
def test_markdown_stays_below_its_limit_and_counts_omitted_entries(count: int, text: str) -> None:
    old, new = many(V.PASSED, count, ""), many(V.FAILED, count, text)
    of_gate = gate_markdown(old, new, compare(old, new))
    for made, sign in ((of_gate, "- **NEW FAILURE"), (report_markdown(new), "- **failed")):
        assert len(made.encode()) < MOST + 1 < 60_000
        shown = sum(line.startswith(sign) for line in made.splitlines())
        assert shown >= 1
        if count == 1:
            assert "left out" not in made
        else:
            assert f"*{count - shown} of " in made


def test_the_page_of_many_sparsifiers_stays_below_its_limit() -> None:
    names = [f"{number}{'x' * 3000}" for number in range(300)]
    one = remade(report(), [], [Subject(name, problem=WIDE) for name in names])
    assert len(report_markdown(one).encode()) < 60_000
    assert "are left out" in report_markdown(one)


def test_hostile_text_is_escaped_in_markdown() -> None:
    new = many(V.FAILED, 1, "<img src=x>|[a](javascript:b)\x1b[2J")
    for text in (gate_markdown(many(V.PASSED, 1, ""), new, compare(many(V.PASSED, 1, ""), new)), report_markdown(new)):
        assert "<img" not in text
        assert "[a](" not in text
        assert "\x1b" not in text


def test_a_page_keeps_the_order_of_entries_and_stops_when_full() -> None:
    block = "x" * (MOST // 2)
    assert page("head\n", ["a\n", "b\n"]) == "head\na\nb\n"
    assert page("head\n", [block, block, "c"]).endswith("*2 of 3 entries are left out here; the report has all.*\n")


def test_the_page_of_a_report_has_the_worst_first() -> None:
    names = (("good", V.PASSED), ("bad", V.FAILED), ("known", V.KNOWN))
    records = [Record(cell(name=name), verdict, message=f"seen {name}", reason="It was so.") for name, verdict in names]
    records += [Record(cell("MASK-02", name="known"), V.ERROR, message="hung")]
    of = remade(report(), records, [subject(name) for name, _ in names])
    text = report_markdown(of)
    shown = (
        "| bad |", "| good |", "**error: known MASK-02, 1 cell**", "**failed: bad", "**known defect: known unnamed**",
        "It was so.\n", "breaks 1 cell of core MASK-01", "seen in 1 cell: seen known",
    )
    places = [text.index(part) for part in shown]
    assert places == sorted(places)
    assert "selection" not in text
    assert "The run is incomplete" not in text
    part = replaced(of, header=replace(of.header, selection=Selection(areas=("MASK",))), footer=None)
    assert "Only a selection was judged." in report_markdown(part)
    assert "The run is incomplete" in report_markdown(part)


def test_the_command_to_repeat_a_cell_names_the_adapter_file_and_is_never_cut() -> None:
    old = report(passed(cell()))
    for file, shown in (("/a b/it.py", True), ("/a b" * 400, False)):
        new = remade(old, [Record(cell(), V.FAILED)], [replace(old.header.subjects[0], adapter=file)])
        command = f"sparsecheck run --adapter '{file}' --cell {cell()}"
        assert command in "\n".join(render_text(old, new, compare(old, new)))
        assert ("repeat" in gate_markdown(old, new, compare(old, new))) is shown


def test_cells_with_the_same_change_are_shown_once_and_counted() -> None:
    cells = (cell(), cell(layer="conv2d"))
    old, new = report(passed(*cells)), report(Record(one, V.FAILED) for one in cells)
    lines = list(render_text(old, new, compare(old, new)))
    assert lines[0] == "WORSE: 2 cells compared, 2 new failures"
    assert "  NEW FAILURE: it MASK-01: was passed, now failed (2 cells)" in lines


def test_long_lists_of_sparsifiers_are_shortened() -> None:
    subjects = [subject(f"s{number}") for number in range(7)]
    old = remade(report(), [record for one in subjects for record in passed(cell(name=one.sparsifier))], subjects)
    new = remade(old, old.records, [replace(one, environment=environment("2.99")) for one in subjects])
    lines = list(render_text(old, new, compare(old, new)))
    assert "  torch 2.13.0+cpu before, 2.99 now: s0, s1, s2, s3, s4 and 2 more" in lines
