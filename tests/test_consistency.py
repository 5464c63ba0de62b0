"""What contradicts itself or the catalogue is refused by every command; reports of other catalogues are still read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from sparsecheck.catalogue import CATALOGUE, VERSION, at_version, revisions
from sparsecheck.cli import main
from sparsecheck.report.consistency import inconsistency
from sparsecheck.report.ledger import enumerate_cells
from sparsecheck.report.reasons import exit_code
from sparsecheck.report.report import ContradictoryReport, InvalidLine, Report, read, salvage, write
from sparsecheck.report.sharding import cells_of_shard, weights
from sparsecheck.values.declaration import Declaration, Environment
from sparsecheck.values.record import Footer, Header, Record, Share, Subject, Verdict
from sparsecheck.values.selection import Selection
from sparsecheck.values.shard import Shard
from tests.samples import declaration, environment

RECORDS = sorted((Path(__file__).parents[1] / "docs" / "versions" / "records").glob("*.jsonl.gz"))
EVERYTHING = Selection()


def whole(
    selection: Selection = EVERYTHING, version: int = VERSION, shard: Shard | None = None,
    declared: Declaration | None = None, here: Environment | None = None,
) -> Report:
    """Return the report of a run in which every cell that could be judged passed or was refused."""
    declared, here = declared or declaration("channel"), here or environment()
    cells = enumerate_cells(at_version(version), declared, selection, here)
    cells, share = cells_of_shard(cells, shard, weights(()))
    records = [
        Record(one.cell.id, Verdict.UNAVAILABLE, reason=one.why) if one.disposition == "unavailable"
        else Record(one.cell.id, Verdict.REFUSED, refused_by="package") if one.cell.area == "REFUSE"
        else Record(one.cell.id, Verdict.PASSED, seconds=0.5)
        for one in cells
    ]
    subject = Subject("it", declared, here, planned=tuple(one.cell.id for one in cells), share=share)
    header = Header(version, "2026-01-01T00:00:00+00:00", (subject,), selection, sparsecheck="0.1.0",
                    shard=str(shard or ""), requirements=revisions(version))
    return forged(header, records)


def forged(header: Header, records: Sequence[Record]) -> Report:
    """Return a report whose footer agrees with the records, whatever they are."""
    part = Report(header, tuple(records), None)
    return Report(header, part.records, Footer(part.outcomes()))


WHOLE = whole()
[SUBJECT] = WHOLE.header.subjects
PASSED = next(one for one in WHOLE.records if one.verdict is Verdict.PASSED)
ELSEWHERE = next(one for one in WHOLE.records if one.verdict is Verdict.UNAVAILABLE)
REFUSED = next(one for one in WHOLE.records if one.verdict is Verdict.REFUSED)


def with_subject(**change: Any) -> Report:
    return forged(replace(WHOLE.header, subjects=(replace(SUBJECT, **change),)), WHOLE.records)


def with_header(**change: Any) -> Report:
    return forged(replace(WHOLE.header, **change), WHOLE.records)


def with_record(before: Record, **change: Any) -> Report:
    """Return the report with one record changed."""
    return forged(WHOLE.header, [replace(one, **change) if one is before else one for one in WHOLE.records])


def without(cell: str) -> Report:
    """Return the report without a cell, which is not planned either, with the counts adapted."""
    subject = replace(SUBJECT, planned=tuple(one for one in SUBJECT.planned if one != cell))
    header = replace(WHOLE.header, subjects=(subject,))
    return forged(header, [one for one in WHOLE.records if one.cell != cell])


def with_unknown() -> Report:
    cell = PASSED.cell.replace("/float32/", "/float8/")
    subject = replace(SUBJECT, planned=(*SUBJECT.planned, cell))
    return forged(replace(WHOLE.header, subjects=(subject,)), [*WHOLE.records, Record(cell, Verdict.PASSED)])


def explained_twice() -> Report:
    known = [Record(one.cell, Verdict.KNOWN, "a: b", "b", reason=f"It was {number}.", defect="one")
             for number, one in enumerate(WHOLE.records) if one.verdict is Verdict.PASSED]
    others = [one for one in WHOLE.records if one.verdict is not Verdict.PASSED]
    return forged(WHOLE.header, [*known, *others])


CONTRADICTIONS: dict[str, tuple[Callable[[], Report], str]] = {
    "a cell dropped": (lambda: without(PASSED.cell), "is not planned, which the catalogue gives for its declaration"),
    "an unknown cell": (with_unknown, "is planned, which the catalogue does not give for its declaration"),
    "unavailable on the CPU": (
        lambda: with_record(PASSED, verdict=Verdict.UNAVAILABLE, reason="no cpu device here"),
        "is unavailable, but its environment can run it"),
    "judged elsewhere": (
        lambda: with_record(ELSEWHERE, verdict=Verdict.PASSED, reason=""),
        "was judged, but its environment cannot run it"),
    "refused outside of REFUSE": (
        lambda: with_record(PASSED, verdict=Verdict.REFUSED, refused_by="adapter"),
        "was refused, which only cells of REFUSE can be"),
    "a provisional failure that binds": (
        lambda: with_record(PASSED, verdict=Verdict.PROVISIONAL, signature="a: b", reason="newer"),
        "is a provisional failure, but its requirement binds the sparsifier"),
    "no date": (lambda: with_header(started="yesterday"), "it was started at 'yesterday', which is no date"),
    "one twice": (lambda: with_header(subjects=(SUBJECT, SUBJECT)), "it is about 'it' 2 times"),
    "a problem with cells": (lambda: with_subject(problem="no"), "it could not be judged, but cells of it are planned"),
    "a problem with records": (
        lambda: with_subject(problem="no", planned=()), "it could not be judged, but there are records of it"),
    "another's declaration": (
        lambda: with_subject(declaration=declaration(name="other")), "its declaration is that of 'other'"),
    "another's cell": (
        lambda: with_subject(planned=(*SUBJECT.planned, "other:MASK-01/linear/given/float32/cpu")),
        "is planned for it"),
    "planned twice": (
        lambda: with_subject(planned=(*SUBJECT.planned, PASSED.cell)), "a cell of it is planned twice"),
    "a share of no shard": (
        lambda: with_subject(share=Share("", ())), "it has a share of a plan, and the run was no shard"),
    "no share": (lambda: with_header(shard="1/2"), "it has no share of the plan"),
    "one defect, two reasons": (explained_twice, "the known defect 'one' has two reasons"),
}
LINES: dict[str, tuple[Record, dict[str, Any], str]] = {
    "passed with a signature": (PASSED, {"signature": "a: b"}, "the verdict is 'passed', but there is a signature"),
    "passed with a message": (PASSED, {"message": "b"}, "the verdict is 'passed', but there is a message"),
    "passed with a reason": (PASSED, {"reason": "b"}, "the verdict is 'passed', but there is a reason"),
    "passed but refused": (PASSED, {"refused_by": "adapter"}, "the verdict is 'passed', but there is a refused_by"),
    "known without a reason": (
        PASSED, {"verdict": Verdict.KNOWN, "signature": "a"}, "the verdict is 'known failure', but there is no reason"),
    "refused by nobody": (REFUSED, {"refused_by": ""}, "the verdict is 'refused', but there is no refused_by"),
    "unavailable with a signature": (
        ELSEWHERE, {"signature": "a"}, "the verdict is 'unavailable', but there is a signature"),
    "negative time": (PASSED, {"seconds": -1.0}, "it says that a case took -1.0 seconds"),
    "endless time": (PASSED, {"seconds": 1e300}, "it says that a case took 1e+300 seconds"),
}


def test_the_report_that_all_others_vary_is_read(tmp_path: Path) -> None:
    write(WHOLE, tmp_path / "r.jsonl")
    assert read(tmp_path / "r.jsonl") == WHOLE
    assert exit_code(WHOLE) == 0


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_contradiction_is_refused(tmp_path: Path, name: str) -> None:
    make, said = CONTRADICTIONS[name]
    write(make(), tmp_path / "r.jsonl")
    with pytest.raises(ContradictoryReport) as raised:
        read(tmp_path / "r.jsonl")
    assert said in str(raised.value)


@pytest.mark.parametrize("name", LINES)
def test_a_line_that_contradicts_itself_is_refused_by_its_number(tmp_path: Path, name: str) -> None:
    record, change, said = LINES[name]
    one = with_record(record, **change)
    write(one, tmp_path / "r.jsonl")
    place = WHOLE.records.index(record) + 2
    with pytest.raises(InvalidLine) as raised:
        read(tmp_path / "r.jsonl")
    assert str(raised.value) == f"{tmp_path / 'r.jsonl'}:{place}: {said}"
    assert len(salvage(tmp_path / "r.jsonl").records) == len(WHOLE.records) - 1


COMMANDS = {
    "report": ["BAD"], "merge": ["BAD", "--to", "out.jsonl"], "gate": ["BAD", "--baseline", "GOOD"],
    "gate's baseline": ["GOOD", "--baseline", "BAD"], "page": ["BAD", "--markdown", "out.md"],
    "versions": ["BAD", "--markdown", "out.md"], "expect": ["BAD"], "report's older one": ["GOOD", "--carry", "BAD"],
    "run's durations": ["exemplar", "--requirement", "MASK-04", "--shard", "1/2", "--durations", "BAD"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_a_contradictory_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write(WHOLE, tmp_path / "good.jsonl")
    write(with_record(PASSED, seconds=-1.0), tmp_path / "bad.jsonl")
    files = {"GOOD": "good.jsonl", "BAD": "bad.jsonl"}
    words = [*command.partition("'")[0].split(), *(files.get(one, one) for one in COMMANDS[command])]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2, result.output
    assert "bad.jsonl" in result.output


@pytest.mark.parametrize("one", [
    whole(Selection(areas=("MASK",))), whole(Selection(requirements=("MASK-04",))), whole(version=3),
    whole(Selection(cells=(PASSED.cell,))), whole(shard=Shard(2, 3)), whole(declared=declaration("cpu")),
    whole(declared=declaration(profile="structural")), whole(here=environment("2.1.0", ("cpu", "cuda"))),
], ids=["area", "requirement", "catalogue 3", "cells", "shard", "accelerator only", "structural", "accelerator"])
def test_reports_of_every_kind_are_consistent(one: Report) -> None:
    assert one.header.subjects[0].planned
    assert inconsistency(one) == ""


def test_a_dropped_cell_of_a_shard_is_noticed_when_its_share_does_not_fit() -> None:
    one = whole(shard=Shard(1, 2))
    [subject] = one.header.subjects
    header = replace(one.header, subjects=(replace(subject, planned=subject.planned[1:]),))
    said = "'it': its share of the plan is not that of its planned cells"
    assert inconsistency(forged(header, one.records[1:])) == said


def test_requirements_of_another_revision_are_not_compared() -> None:
    id = CATALOGUE[20].id
    kept = [one for one in WHOLE.records if f":{id}/" not in one.cell]
    subject = replace(SUBJECT, planned=tuple(one.cell for one in kept))
    header = replace(WHOLE.header, subjects=(subject,), requirements={**revisions(), id: 99})
    assert inconsistency(forged(header, kept)) == ""
    assert "is not planned" in inconsistency(forged(replace(header, requirements=revisions()), kept))


@pytest.mark.parametrize("file", RECORDS, ids=lambda file: file.name)
def test_stored_reports_of_format_1_are_read(file: Path) -> None:
    assert read(file).header.format == 1


def test_a_report_that_names_no_sparsecheck_says_that_its_plan_was_not_checked(tmp_path: Path) -> None:
    one = without(PASSED.cell)
    write(forged(replace(one.header, sparsecheck=""), one.records), tmp_path / "r.jsonl")
    result = CliRunner().invoke(main, ["report", str(tmp_path / "r.jsonl")])
    assert "r.jsonl does not say which sparsecheck planned it, so its plan was not checked" in result.output
