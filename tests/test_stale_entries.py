"""An entry that explained no failure alone is stale, however often its cells fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sparsecheck.features.expect.proposal import Proposal, propose
from sparsecheck.features.expect.rewriting import rewritten
from sparsecheck.features.expect.seen import seen
from sparsecheck.report import stale_entries
from sparsecheck.report.expectation import Expectation
from sparsecheck.report.expectation_file import parse_expectations
from sparsecheck.report.ledger import Planned
from sparsecheck.report.merging import merge
from sparsecheck.report.reasons import exit_code
from sparsecheck.report.report import InvalidReport, Report, read
from sparsecheck.report.sharding import Weights, cells_of_shard
from sparsecheck.report.stale_entries import settled
from sparsecheck.report.verdict import weigh
from sparsecheck.show.junit import junit
from sparsecheck.values.cell import Cell
from sparsecheck.values.expected import Expected
from sparsecheck.values.record import Footer, Record, Subject, Verdict
from sparsecheck.values.selection import Selection
from sparsecheck.values.shard import Shard
from tests.faulty import faulty, run
from tests.samples import WRONG, cell, expectation, report

LOST = "RuntimeError: the mask is lost"
HERE, THERE, BESIDE = cell("MASK-01"), cell("MASK-01", "conv2d"), cell("MASK-02")


def entry(id: str, *signatures: str, **fields: Any) -> Expectation:
    """Return an entry on MASK-01; by default it explains `WRONG`."""
    given = {"signatures": signatures} if signatures else {}
    return expectation(id=id, **given, **fields)


def judged(failures: dict[str, str], *entries: Expectation, **header: Any) -> Report:
    """Return the report of a run, as it is before it is settled: an empty string is a cell that passed."""
    records = [
        weigh(Record(id, Verdict.FAILED if seen else Verdict.PASSED, seen, seen), entries)
        for id, seen in failures.items()
    ]
    plain = report(records, **header)
    subject = replace(plain.header.subjects[0], expected=tuple(one.value for one in entries))
    return Report(replace(plain.header, subjects=(subject,)), plain.records, plain.footer)


def verdicts(report: Report) -> list[Verdict]:
    return [record.verdict for record in report.records]


def test_one_entry_that_explains_its_failures_is_alive() -> None:
    before = judged({HERE: WRONG, THERE: WRONG}, entry("wrong-output"))
    assert settled(before) is before
    assert verdicts(before) == [Verdict.KNOWN, Verdict.KNOWN]


@pytest.mark.parametrize("first", ["fixed", "wrong-output"])
def test_an_entry_whose_failures_are_gone_is_stale_though_its_cell_fails(first: str) -> None:
    """If it stayed, the failure that it is about would be known when it came back."""
    entries = sorted((entry("fixed", LOST), entry("wrong-output")), key=lambda one: one.id != first)
    found = settled(judged({HERE: WRONG}, *entries))
    [record] = found.records
    assert (record.verdict, record.defect) == (Verdict.STALE, "wrong-output")
    assert record.message == (
        "defect fixed explained no failure of it alone: delete it, or restrict it to failures that no other entry "
        f"explains. The failure of this cell is known by defect wrong-output: {WRONG}"
    )
    assert exit_code(found) == 1
    assert found.agrees
    assert b"defect fixed explained no failure" in junit(found)


def test_of_two_entries_that_explain_the_same_failures_both_are_named() -> None:
    two = entry("one"), entry("two", "output-differs: .*differs.* (at most 1 of 2)")
    [record] = settled(judged({HERE: WRONG}, *two)).records
    assert record.verdict is Verdict.STALE
    assert "defect one explained no failure" in record.message
    assert "defect two explained no failure" in record.message


def test_an_entry_is_alive_if_it_explains_one_failure_alone() -> None:
    wide, narrow = entry("wide"), entry("narrow", "output-differs: .*differs.* (at most 1 of 2)", layer=("linear",))
    failures = {HERE: WRONG, THERE: WRONG}
    found = settled(judged(failures, wide, narrow))
    assert "defect narrow explained no failure" in found.records[0].message
    assert "defect wide explained" not in found.records[0].message
    both = judged({HERE: WRONG, THERE: LOST}, wide, entry("lost", LOST))
    assert settled(both) is both


def test_settling_twice_changes_nothing_more() -> None:
    once = settled(judged({HERE: WRONG, THERE: WRONG}, entry("fixed", LOST), entry("wrong-output")))
    assert verdicts(once) == [Verdict.STALE, Verdict.KNOWN]
    assert settled(once) == once


def test_an_entry_that_a_passing_cell_shows_as_stale_is_not_named_twice() -> None:
    before = judged({HERE: WRONG, BESIDE: ""}, entry("wrong-output"), entry("fixed", LOST, requirements=("MASK-*",)))
    assert verdicts(before) == [Verdict.KNOWN, Verdict.STALE]
    assert settled(before) is before


@pytest.mark.parametrize(
    "header", [{"shard": "1/2"}, {"interrupted": "Ctrl-C"}, {"selection": Selection(requirements=("MASK-01",))}]
)
def test_an_entry_is_not_judged_by_a_part_of_its_cells(header: dict[str, Any]) -> None:
    before = judged({HERE: WRONG}, entry("fixed", LOST, requirements=("MASK-*",)), entry("wrong-output"), **header)
    assert settled(before) is before


def test_an_entry_is_judged_by_a_selection_that_has_all_its_cells() -> None:
    fixed = entry("fixed", LOST, requirements=(), cells=("MASK-01/linear/given/float32/cpu",))
    before = judged({HERE: WRONG}, fixed, entry("wrong-output"), selection=Selection(requirements=("MASK-01",)))
    assert verdicts(settled(before)) == [Verdict.STALE]


@pytest.mark.parametrize("verdict", [Verdict.ERROR, Verdict.NOT_RUN])
def test_an_entry_is_not_judged_if_one_of_its_cells_was_not(verdict: Verdict) -> None:
    before = judged({HERE: WRONG}, entry("fixed", LOST), entry("wrong-output"))
    records = (*before.records, Record(THERE, verdict))
    planned = replace(before.header.subjects[0], planned=(HERE, THERE))
    partial = Report(replace(before.header, subjects=(planned,)), records, before.footer)
    assert settled(partial) is partial


def test_a_cell_that_can_be_red_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    before = judged({HERE: WRONG, THERE: WRONG}, entry("fixed", LOST), entry("wrong-output"))
    monkeypatch.setattr(stale_entries, "bound", lambda one, _: provisional(one) if one.cell == HERE else one)
    assert verdicts(settled(before)) == [Verdict.KNOWN, Verdict.STALE]
    monkeypatch.setattr(stale_entries, "bound", lambda record, _: provisional(record))
    assert verdicts(settled(before)) == [Verdict.PROVISIONAL, Verdict.KNOWN]


def provisional(record: Record) -> Record:
    return replace(record, verdict=Verdict.PROVISIONAL)


def test_invalid_expected_defects_in_a_report_are_an_error() -> None:
    before = judged({HERE: WRONG}, entry("fixed", LOST), entry("wrong-output"))
    subject = replace(before.header.subjects[0], expected=(Expected(sparsifiers=(), signatures=(), reason=""),))
    with pytest.raises(InvalidReport, match="the expected defects of it are not valid: sparsifiers is empty"):
        settled(replace_subject(before, subject))


def replace_subject(report: Report, subject: Subject) -> Report:
    return Report(replace(report.header, subjects=(subject,)), report.records, report.footer)


def test_a_signature_that_explains_nothing_alone_is_stale() -> None:
    found = settled(judged({HERE: WRONG, THERE: WRONG}, entry("wrong-output", expectation().signatures[0], LOST)))
    assert verdicts(found) == [Verdict.STALE, Verdict.KNOWN]
    assert f"the signature {LOST!r} of defect wrong-output explained no failure alone: delete it" in (
        found.records[0].message
    )


def test_a_signature_is_not_judged_unless_all_sparsifiers_of_its_entry_were() -> None:
    shared = entry("wrong-output", expectation().signatures[0], LOST, sparsifiers=("it", "other"))
    before = judged({HERE: WRONG}, shared)
    assert settled(before) is before
    other = judged({HERE: WRONG}, shared)
    subject = replace(other.header.subjects[0], sparsifier="other", planned=(cell("MASK-01", name="other"),))
    for failure, is_stale in ((LOST, False), (WRONG, True)):
        record = Record(cell("MASK-01", name="other"), Verdict.FAILED, failure, failure)
        records = (*before.records, weigh(record, [shared]))
        header = replace(before.header, subjects=(*before.header.subjects, subject))
        both = Report(header, records, Footer(()))
        assert (settled(both) is not both) is is_stale


def test_shards_are_judged_when_they_are_merged() -> None:
    """Each shard has one of the two cells that the entries cover; only together they show which one is stale."""
    entries = entry("wrong-output"), entry("lost", LOST), entry("fixed", "KeyError: 'a'")
    whole = judged({HERE: WRONG, THERE: LOST}, *entries)
    [subject] = whole.header.subjects
    parts = []
    for number in (1, 2):
        shard, cells = Shard(number, 2), planned_cells(subject.planned)
        mine, share = cells_of_shard(cells, shard, Weights())
        ids = tuple(one.cell.id for one in mine)
        part = replace(whole.header, subjects=(replace(subject, planned=ids, share=share),), shard=str(shard))
        records = tuple(record for record in whole.records if record.cell in ids)
        without_footer = Report(part, records, None)
        one = Report(part, records, Footer(without_footer.outcomes()))
        assert settled(one) is one
        parts.append(one)
    merged = merge(parts)
    assert sorted(verdict.value for verdict in verdicts(merged)) == ["known failure", "stale expectation"]
    assert merged.agrees
    assert exit_code(merged) == 1


def planned_cells(ids: tuple[str, ...]) -> tuple[Planned, ...]:
    return tuple(Planned(Cell.parse(id), "judge") for id in ids)


BREAKS = "[m for m in model.modules() if type(m) is torch.nn.Conv2d] and (_ for _ in ()).throw(RuntimeError('broken'))"
BROKEN = """
[[defect]]
id = "broken"
sparsifiers = ["faulty"]
requirements = ["MASK-01"]
layer = ["conv2d"]
signatures = ["RuntimeError: broken"]
reason = "It is so."
"""
FIXED = BROKEN.replace('id = "broken"', 'id = "fixed"').replace("Error: broken", "Error: another")
IN_PYTEST = ("--sparsecheck-report", "out.jsonl", "--sparsecheck-requirement", "MASK-01")


@pytest.mark.parametrize("options", [(), ("-n", "2")])
def test_a_run_with_a_stale_entry_is_red_and_its_report_is_whole(tmp_path: Path, options: tuple[str, ...]) -> None:
    adapter, file = str(faulty(tmp_path, BREAKS)), tmp_path / "faulty.expectations.toml"
    file.write_text(BROKEN + FIXED, "utf-8")
    ended = run(tmp_path, "--adapter", adapter, "--requirement", "MASK-01", *options)
    assert ended.code == 1
    assert "defect fixed explained no failure of faulty alone: delete it" in ended.output
    found = read(tmp_path / "out.jsonl")
    assert [record.cell for record in found.records if record.verdict is Verdict.STALE] == [
        "faulty:MASK-01/conv2d/given/float32/cpu"
    ]


def test_the_report_of_a_run_of_pytest_itself_is_whole_too(tmp_path: Path) -> None:
    adapter = str(faulty(tmp_path, BREAKS))
    (tmp_path / "faulty.expectations.toml").write_text(BROKEN + FIXED, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "--pyargs", "sparsecheck.cases", *IN_PYTEST]
    ended = subprocess.run([*command, "--sparsecheck-adapter", adapter], cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "defect fixed explained no failure of faulty alone: delete it" in ended.stdout
    found = read(tmp_path / "out.jsonl")
    assert [record.verdict for record in found.records].count(Verdict.STALE) == 1


def test_expectations_can_be_ignored_and_are_rewritten_from_such_a_run(tmp_path: Path) -> None:
    adapter, file = str(faulty(tmp_path, BREAKS)), tmp_path / "faulty.expectations.toml"
    file.write_text(BROKEN.replace(": broken", "").replace('layer = ["conv2d"]\n', "") + FIXED, "utf-8")
    arguments = ("--adapter", adapter, "--requirement", "MASK-01")
    refused = run(tmp_path, *arguments)
    assert refused.code == 2
    assert "entry 1 (broken): 'RuntimeError' explains every failure of its kind" in refused.output
    assert "--ignore-expectations" in refused.output
    assert run(tmp_path, *arguments, "--ignore-expectations").code == 1
    command = [sys.executable, "-m", "sparsecheck", "expect", "out.jsonl", "--adapter", adapter, "--write"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    [entry] = parse_expectations(file.read_text("utf-8"), "here")
    assert (entry.id, entry.signatures, entry.reason) == ("broken", ("RuntimeError: broken",), "It is so.")
    assert run(tmp_path, *arguments).code == 0


_CELLS = st.sampled_from([cell(id, layer) for id in ("MASK-01", "MASK-02", "REG-01") for layer in ("linear", "conv2d")])
_SEEN = st.sampled_from([
    "", WRONG, WRONG.replace("3", "5"), LOST, "RuntimeError: ", "KeyError: 0", "KeyError: 1",
    "RuntimeError: the mask\nis lost", "RuntimeError: the mask\nis here", "mask-differs: mask of a.b is gone",
    "mask-differs: mask of a.b differs at 1 of 4", "mask-differs: mask of a.c differs at 1 of 4",
])


@settings(derandomize=True, database=None, deadline=None, max_examples=200)
@given(st.dictionaries(_CELLS, _SEEN, min_size=1))
def test_a_proposed_file_is_accepted_and_makes_a_run_green_with_no_stale_entry(failures: dict[str, str]) -> None:
    first = judged(failures)
    [subject] = first.header.subjects
    assert subject.declaration is not None
    assert subject.environment is not None
    saw = seen(subject.declaration, subject.environment, subject.planned, first.records)
    text = rewritten("", "here", propose((), [saw])).replace("UNEXPLAINED: say why", "It is so.")
    entries = parse_expectations(text, "here")
    second = settled(judged(failures, *entries))
    assert {record.verdict for record in second.records} <= {Verdict.KNOWN, Verdict.PASSED}
    saw = seen(subject.declaration, subject.environment, subject.planned, second.records)
    assert propose(entries, [saw]) == Proposal(tuple((entry,) for entry in entries), ())
