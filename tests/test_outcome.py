"""The result of a sparsifier: overall, for the exit code, and at each level."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest
from msgspec.structs import replace

from sparsecheck.report.outcome import is_same, outcome
from sparsecheck.values.record import LevelOutcome, Outcome, Record, Verdict
from sparsecheck.values.requirement import Level
from tests.samples import cell, passed

A, B = cell("MASK-01"), cell("MASK-02")
LEVELS: Mapping[str, Level] = {"MASK-01": "core", "MASK-02": "core", "MASK-03": "extended", "MASK-04": "extended"}
CORE, EXTENDED, SMOKED = cell("MASK-01"), cell("MASK-03"), cell("SMOKE-01")
PASSED = Record(cell("MASK-02"), Verdict.PASSED)
REFUSED = (Record(A, Verdict.REFUSED, refused_by="package"),)


def of(records: Iterable[Record], planned: Iterable[str] | None = None, selected: bool = False) -> Outcome:
    records = tuple(records)
    cells = [record.cell for record in records] if planned is None else list(planned)
    return outcome("it", cells, records, LEVELS, selected)


def known(id: str, defect: str = "", reason: str = "", layer: str = "linear") -> Record:
    return Record(cell(id, layer), Verdict.KNOWN, reason=reason, defect=defect)


def test_all_passed_is_green() -> None:
    sum_ = of(passed(A, B))
    assert (sum_.result, sum_.counts, sum_.planned, sum_.balanced) == ("green", {"passed": 2}, 2, True)


@pytest.mark.parametrize(
    ("record", "result"),
    [
        (Record(CORE, Verdict.PASSED), "green"),
        (Record(CORE, Verdict.UNAVAILABLE), "green"),
        (Record(CORE, Verdict.REFUSED, refused_by="package"), "green"),
        (Record(CORE, Verdict.REFUSED, refused_by="adapter"), "green"),
        (Record(CORE, Verdict.KNOWN), "green"),
        (Record(EXTENDED, Verdict.PROVISIONAL), "green"),
        (Record(EXTENDED, Verdict.FAILED), "red"),
        (Record(EXTENDED, Verdict.STALE), "red"),
        (Record(EXTENDED, Verdict.ERROR), "red"),
        (Record(EXTENDED, Verdict.NOT_RUN), "red"),
    ],
)
def test_one_record_next_to_a_passed_one_decides(record: Record, result: str) -> None:
    assert of((PASSED, record)).result == result


def test_verdicts_are_counted_in_the_order_of_their_names() -> None:
    assert list(of((PASSED, Record(A, Verdict.KNOWN), Record(EXTENDED, Verdict.FAILED))).counts) == [
        "failed", "known failure", "passed"
    ]


@pytest.mark.parametrize(
    ("verdict", "result"), [(Verdict.PASSED, "selection"), (Verdict.KNOWN, "selection"), (Verdict.FAILED, "red")]
)
def test_a_selection_is_never_green_and_hides_no_failure(verdict: Verdict, result: str) -> None:
    assert of((Record(A, verdict),), selected=True).result == result


@pytest.mark.parametrize("verdict", [Verdict.REFUSED, Verdict.KNOWN])
def test_a_sparsifier_without_a_passed_cell_is_red(verdict: Verdict) -> None:
    sum_ = of(Record(one, verdict, refused_by="package") for one in (A, B))
    assert sum_.result == "red"
    assert sum_.core is not None
    assert sum_.core.conformance == "not conformant"


@pytest.mark.parametrize(
    ("records", "result"),
    [
        ((Record(A, Verdict.UNAVAILABLE), Record(B, Verdict.UNAVAILABLE)), "unavailable"),
        ((Record(SMOKED, Verdict.UNAVAILABLE), *REFUSED), "unavailable"),
        ((Record(A, Verdict.UNAVAILABLE), *REFUSED), "red"),
        ((*passed(SMOKED), Record(A, Verdict.UNAVAILABLE), *REFUSED), "red"),
        ((Record(SMOKED, Verdict.UNAVAILABLE), Record(A, Verdict.FAILED)), "red"),
    ],
)
def test_a_sparsifier_is_unavailable_only_if_its_adapter_cannot_be_judged(
    records: tuple[Record, ...], result: str
) -> None:
    assert of(records).result == result


def test_passing_smoke_checks_alone_is_red() -> None:
    assert of(passed(SMOKED)).result == "red"
    assert of(passed(SMOKED, A)).result == "green"


@pytest.mark.parametrize(("plan", "judged"), [((A, B), (A,)), ((A,), (A, A)), ((A,), (A, B))])
@pytest.mark.parametrize("selected", [False, True])
def test_an_unbalanced_ledger_is_red(
    plan: tuple[str, ...], judged: tuple[str, ...], selected: bool
) -> None:
    assert of(passed(*judged), plan, selected).result == "red"


@pytest.mark.parametrize(("selected", "result"), [(False, "red"), (True, "selection")])
def test_no_planned_cell_is_red_unless_a_selection_left_none(selected: bool, result: str) -> None:
    assert of((), (), selected).result == result


@pytest.mark.parametrize(
    ("records", "core", "extended"),
    [
        (passed(A, EXTENDED), ("conformant", 0, 1, 2), ("conformant", 0, 1, 2)),
        (passed(A, B), ("conformant", 0, 2, 2), ("incomplete", 0, 0, 2)),
        (
            (*passed(A), known("MASK-03", "x")),
            ("conformant", 0, 1, 2), ("conformant with known defects", 1, 1, 2),
        ),
        (
            (*passed(B), known("MASK-01", "x"), Record(EXTENDED, Verdict.FAILED)),
            ("conformant with known defects", 1, 2, 2), ("not conformant", 0, 1, 2),
        ),
        ((*passed(A), Record(B, Verdict.ERROR)), ("not conformant", 0, 1, 2), ("incomplete", 0, 0, 2)),
        ((*passed(A), Record(EXTENDED, Verdict.NOT_RUN)), ("conformant", 0, 1, 2), ("not conformant", 0, 0, 2)),
        (
            (*passed(A), *(Record(EXTENDED, one) for one in (Verdict.REFUSED,))),
            ("conformant", 0, 1, 2), ("incomplete", 0, 0, 2),
        ),
        ((*passed(A), Record(B, Verdict.UNAVAILABLE)), ("conformant", 0, 1, 2), ("incomplete", 0, 0, 2)),
        ((*passed(A), Record(B, Verdict.PROVISIONAL)), ("conformant", 0, 2, 2), ("incomplete", 0, 0, 2)),
    ],
)
def test_each_level_has_its_own_result(
    records: tuple[Record, ...], core: tuple[object, ...], extended: tuple[object, ...]
) -> None:
    sum_ = of(records)
    assert (sum_.core, sum_.extended) == (LevelOutcome(*core), LevelOutcome(*extended))  # type: ignore[arg-type]


def test_known_defects_are_counted_by_id_and_without_one_by_reason() -> None:
    records = [
        known("MASK-01", "x"), known("MASK-01", "x", layer="conv2d"), known("MASK-02", "y"),
        known("MASK-02", "", "One reason.", "conv2d"), known("MASK-02", "", "One reason.", "mixed"),
        known("MASK-01", "", "Another.", "mixed"),
    ]
    sum_ = of([*records, *passed(EXTENDED)])
    assert sum_.core is not None
    assert sum_.core.defects == 4


def test_a_part_of_the_catalogue_is_never_conformant() -> None:
    for sum_ in (of(passed(A, EXTENDED), selected=True), outcome("it", [A], passed(A), LEVELS, False, sharded=True)):
        assert sum_.core is not None
        assert sum_.core.conformance == "incomplete"
    red = of((Record(A, Verdict.FAILED),), selected=True)
    assert red.core is not None
    assert red.core.conformance == "not conformant"


def test_a_sparsifier_that_could_not_be_judged_has_no_levels() -> None:
    sum_ = outcome("it", (), (), {}, False)
    assert (sum_.result, sum_.core, sum_.extended) == ("red", None, None)


@pytest.mark.parametrize(
    ("word", "records"),
    [("success", passed(A)), ("partial", (*passed(A), known("MASK-02"))), ("failure", (Record(A, Verdict.FAILED),))],
)
def test_results_of_older_reports_keep_their_meaning(word: str, records: tuple[Record, ...]) -> None:
    seen = of(records)
    older = replace(seen, result=word, core=None, extended=None)
    assert is_same(older, seen)
    assert not is_same(replace(older, planned=7), seen)
    assert not is_same(replace(older, result="selection"), seen)


def test_a_footer_with_levels_must_have_the_right_ones() -> None:
    seen = of(passed(A, B))
    assert is_same(seen, seen)
    assert seen.core is not None
    assert not is_same(replace(seen, core=replace(seen.core, judged=1)), seen)
    assert not is_same(replace(seen, core=None), seen)
