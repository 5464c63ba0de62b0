"""The identity of a requirement: reports stay readable when the catalogue grows, and name what they do not cover."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sparsecheck.catalogue import AREAS, CATALOGUE, UnknownCatalogue, at_version, revisions
from sparsecheck.report.identity import LeftOut, catalogue_version, judged_by, left_out
from sparsecheck.report.joining import aligned, join
from sparsecheck.report.report import InvalidLine, Report, ReportMismatch, read, write
from sparsecheck.values.requirement import Requirement
from tests.samples import cell, passed, report, requirement

RECORDS = sorted((Path(__file__).parent.parent / "docs").glob("*/records/*.jsonl.gz"))
BEFORE_REVISIONS: dict[str, Any] = {"catalogue": "a digest", "requirements": {}, "format": 1}


def test_there_are_recorded_runs_of_seven_torches() -> None:
    assert len(RECORDS) == 7


@pytest.mark.parametrize("file", RECORDS, ids=lambda file: file.name)
def test_a_report_of_format_1_is_read_and_covers_catalogue_3(file: Path) -> None:
    old = read(file)
    assert old.header.format == 1
    assert catalogue_version(old.header) == 3
    assert old.requirements == {one.id: 1 for one in CATALOGUE if one.since <= 3}


def test_an_unknown_digest_covers_the_requirements_that_were_planned() -> None:
    old = report(passed(cell("MASK-02"), cell("GONE-01")), **BEFORE_REVISIONS)
    assert judged_by(old.header) == {"MASK-02": 1, "GONE-01": 1}


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        ({"requirements": {}}, "a cell of 'MASK-01' is planned, but the header does not list that requirement"),
        ({"requirements": {"MASK-02": 1}}, "a cell of 'MASK-01' is planned"),
        ({"requirements": {"MASK-01": 0}}, "MASK-01 has revision 0"),
        ({"requirements": {"MASK-01": 1, "<b>\x1b[31m": 1}}, "is not the id of a requirement"),
        ({"requirements": {"MASK-01": 1, "MASK-x": 1}}, "'MASK-x' is not the id of a requirement"),
        ({"catalogue": 0}, "'0' is not the version of a catalogue"),
        ({"catalogue": "a digest"}, "'a digest' is not the version of a catalogue"),
    ],
)
def test_a_header_that_contradicts_itself_is_not_a_report(tmp_path: Path, lie: dict[str, Any], said: str) -> None:
    """The gate would compare nothing in place of the cells that a header hides, and exit with 0."""
    write(report(passed(cell()), **lie), tmp_path / "lie.jsonl")
    with pytest.raises(InvalidLine, match=re.escape(said)) as raised:
        read(tmp_path / "lie.jsonl")
    assert str(raised.value).isprintable()


def test_left_out_requirements_are_named_with_the_reason() -> None:
    there, here = {"MASK-01": 1, "MASK-02": 1, "GONE-01": 1}, {"MASK-01": 1, "MASK-02": 2, "NEW-01": 1}
    assert left_out(there, here) == (
        LeftOut("MASK-02", "meaning changed: revision 1 there, 2 here"),
        LeftOut("NEW-01", "newer than the other catalogue"),
        LeftOut("GONE-01", "not in this catalogue"),
    )


def test_prose_is_not_part_of_the_identity() -> None:
    one = CATALOGUE[0]
    reworded = msgspec.structs.replace(one, sentence="Other words.", source="Another paper.")
    assert (reworded.id, reworded.revision) == (one.id, revisions()[one.id])


def test_a_restricted_report_is_whole_and_balanced() -> None:
    part = report(passed(cell(), cell("MASK-02"))).restricted({"MASK-02": 1})
    assert [one.cell for one in part.records] == [cell("MASK-02")]
    assert all(part.balance(subject) for subject in part.header.subjects)
    assert part.agrees


def test_reports_of_two_catalogues_are_joined_over_what_they_share() -> None:
    older = report(passed(cell(), cell("MASK-02")), catalogue=1, requirements={"MASK-01": 1, "MASK-02": 1})
    newer = report(passed(cell(name="other")), name="other", requirements={"MASK-01": 1, "NEW-01": 1})
    with pytest.raises(ReportMismatch, match="different catalogues"):
        join([older, newer])
    parts, found = aligned([older, newer])
    joined = join(parts)
    assert (joined.header.catalogue, joined.requirements) == (1, {"MASK-01": 1})
    assert [one.cell for one in joined.records] == [cell(), cell(name="other")]
    assert {one.requirement for one in found} == {"MASK-02", "NEW-01"}


def test_reports_of_one_catalogue_are_joined_unchanged() -> None:
    one, other = report(passed(cell())), report(passed(cell(name="other")), name="other")
    assert aligned([one, other]) == ((one, other), ())


@pytest.mark.parametrize("version", [0, 99])
def test_there_is_no_such_catalogue(version: int) -> None:
    with pytest.raises(UnknownCatalogue, match=f"there is no catalogue {version}"):
        revisions(version)


def test_an_earlier_catalogue_has_no_later_requirement_and_no_later_axis_value(monkeypatch: pytest.MonkeyPatch) -> None:
    grown = requirement("MASK-99", since=2, patterns=("given", "band-3"), added=(("band-3", 3),))
    monkeypatch.setattr("sparsecheck.catalogue.CATALOGUE", (requirement(), grown))
    axes = {version: [(one.id, one.patterns) for one in at_version(version)] for version in (1, 2, 3)}
    first = ("MASK-01", ("canonical",))
    assert axes == {1: [first], 2: [first, ("MASK-99", ("given",))], 3: [first, ("MASK-99", ("given", "band-3"))]}


def test_a_requirement_that_was_revised_cannot_be_judged_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    revised = requirement("MASK-99", revised=(3,))
    monkeypatch.setattr("sparsecheck.catalogue.CATALOGUE", (requirement(), revised))
    assert revised.revision == 2
    assert [[one.id for one in at_version(version)] for version in (2, 3)] == [["MASK-01"], ["MASK-01", "MASK-99"]]


def test_a_cell_is_introduced_with_its_newest_axis_value() -> None:
    grown = requirement(since=2, layers=("linear", "mixed"), added=(("mixed", 4),))
    assert [grown.introduced(layer, "given") for layer in ("linear", "mixed")] == [2, 4]


def _ids(requirements: tuple[Requirement, ...]) -> set[str]:
    return {one.id for one in requirements}


def test_since_is_true_for_every_requirement() -> None:
    """Catalogue 2 added the structural profile and catalogue 3 the area DEVICE; both are in the history."""
    entered = {version: {one.id for one in CATALOGUE if one.since == version} for version in (1, 2, 3)}
    assert entered[2] == {"SMOKE-07", *_ids(AREAS["STRUCT"])}
    assert entered[3] == _ids(AREAS["DEVICE"])
    assert len(entered[1]) == 106


def test_a_report_says_by_which_revisions_it_was_judged() -> None:
    assert isinstance(report(passed(cell())), Report)
    assert report(passed(cell())).is_current
    assert not report(passed(cell()), requirements={**revisions(), "MASK-01": 2}).is_current
