"""JUnit XML of a report: every cell once, red as red, and well formed whatever the records say."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from sparsecheck.cli import main
from sparsecheck.report.joining import join
from sparsecheck.report.report import Report, write
from sparsecheck.show.junit import junit, xml_text
from sparsecheck.values.record import Record, Verdict
from tests.samples import cell, passed, report

EACH = tuple(
    Record(cell(f"MASK-{number + 1:02}"), verdict, "aliased: a", f"seen {number}", "", f"why {number}", seconds=0.5)
    for number, verdict in enumerate(Verdict)
)
SHOWN_AS = {
    "passed": None, "failed": "failure", "stale expectation": "failure", "error": "error", "not run": "error",
    "known failure": "skipped", "refused": "skipped", "unavailable": "skipped", "provisional failure": "skipped",
}


def parsed(of: Report) -> ElementTree.Element:
    return ElementTree.fromstring(junit(of))


def test_one_suite_per_sparsifier_and_one_case_per_cell() -> None:
    root = parsed(join([report(EACH), report(passed(cell(name="other")), name="other")]))
    assert [suite.get("name") for suite in root.iter("testsuite")] == ["it", "other"]
    cases = [(case.get("classname"), case.get("name"), case.get("time")) for case in root.iter("testcase")]
    assert ("it.MASK-01", "MASK-01/linear/given/float32/cpu", "0.5000") in cases
    assert len(cases) == len(set(cases)) == len(EACH) + 1


def test_every_verdict_has_its_element_and_reason() -> None:
    cases = list(parsed(report(EACH)).iter("testcase"))
    assert {verdict.value for verdict in Verdict} == set(SHOWN_AS)
    for number, (case, record) in enumerate(zip(cases, EACH, strict=True)):
        children, element = list(case), SHOWN_AS[record.verdict.value]
        assert [child.tag for child in children] == ([element] if element else [])
        for child in children:
            why = f"seen {number}" if record.verdict.is_red else f"why {number}"
            assert child.get("message") == f"{record.verdict.value}: {why}"
            assert child.text == f"seen {number}"
            assert child.get("type") == (None if element == "skipped" else "aliased")


def test_the_totals_are_right() -> None:
    root = parsed(join([report(EACH), report(problem="it does not import", name="other")]))
    sums = [tuple(one.get(name) for name in ("tests", "failures", "errors", "skipped")) for one in root.iter()
            if one.tag.startswith("testsuite")]
    assert sums == [("10", "2", "3", "4"), ("9", "2", "2", "4"), ("1", "0", "1", "0")]
    assert root[0].get("time") == "4.5000"


def test_a_cell_that_was_never_judged_is_an_error() -> None:
    [first, missing] = parsed(report(passed(cell()), [cell(), cell("MASK-02")])).iter("testcase")
    assert list(first) == []
    assert (missing.get("name"), [child.tag for child in missing]) == ("MASK-02/linear/given/float32/cpu", ["error"])


EVERY = "".join(map(chr, (*range(0x100), 0x2028, 0xFFFD, 0xFFFE, 0xFFFF, 0x1F600))) + "]]><&\"'"


def test_characters_that_xml_forbids_are_escaped() -> None:
    """A line is a record's, so that half a character never gets this far; elsewhere it might."""
    of = report([Record(cell(), Verdict.FAILED, EVERY, EVERY, "", EVERY), *passed(cell("MASK-02"))])
    [failure] = parsed(of).iter("failure")
    assert failure.text == xml_text(EVERY)
    assert r"\x00\x01" in xml_text(EVERY)
    assert r"\x1b" in str(failure.get("message"))
    assert (xml_text("\ud800"), xml_text("a\tb\nc é \U0001f600"), xml_text("\r")) == (
        r"\ud800", "a\tb\nc é \U0001f600", r"\r"
    )


@pytest.mark.parametrize("name", ["junit", "markdown"])
def test_report_writes_junit_and_keeps_its_exit_code(tmp_path: Path, name: str) -> None:
    failed = Record(cell("MASK-02"), Verdict.FAILED, "aliased: a", "seen 1")
    write(report([failed, *passed(cell())]), tmp_path / "a.jsonl")
    arguments = ["report", str(tmp_path / "a.jsonl"), f"--{name}", str(tmp_path / "out")]
    assert CliRunner().invoke(main, arguments).exit_code == 1
    text = (tmp_path / "out").read_text("utf-8")
    assert "seen 1" in text
    arguments[-1] = str(tmp_path / "no" / "out")
    assert CliRunner().invoke(main, arguments).exit_code == 2


def test_the_output_is_deterministic() -> None:
    assert junit(report(EACH)) == junit(report(EACH))


def test_refuser_link_and_versions_are_included() -> None:
    refused = Record(cell(), Verdict.REFUSED, refused_by="adapter")
    known = Record(cell("MASK-02"), Verdict.KNOWN, "a", "b", "", "It was so.", "https://x.y/1")
    root = parsed(report([refused, known]))
    messages = [skipped.get("message") for skipped in root.iter("skipped")]
    assert messages == ["refused by the adapter", "known failure: It was so. (https://x.y/1)"]
    facts = {one.get("name"): one.get("value") for one in root.iter("property")}
    assert (facts["package"], facts["torch"]) == ("acme 1.5", "2.13.0+cpu")


def test_a_known_defect_is_a_property_of_its_suite_with_all_that_it_breaks() -> None:
    both = [
        Record(cell(id), Verdict.KNOWN, "a", "b", "", "It was so.", "https://x.y/1", defect="aliases")
        for id in ("MASK-01", "MASK-03")
    ]
    root = parsed(report([*both, *passed(cell("MASK-02"))]))
    facts = {one.get("name"): one.get("value") for one in root.iter("property")}
    assert facts["known defect: aliases"] == "It was so. (https://x.y/1): 2 cells of core MASK-01; extended MASK-03"
    messages = [skipped.get("message") for skipped in root.iter("skipped")]
    assert messages == ["known failure, aliases: It was so. (https://x.y/1)"] * 2
