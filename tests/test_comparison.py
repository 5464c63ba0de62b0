"""Comparison of two reports: every kind of change, on real reports that are altered as values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from sparsecheck.catalogue import CATALOGUE, revisions
from sparsecheck.features.gate.gate_page import gate_markdown, render_text
from sparsecheck.report.comparison import (
    Change,
    Comparison,
    Kind,
    compare,
    essence,
)
from sparsecheck.report.identity import LeftOut
from sparsecheck.report.report import (
    Report,
    read,
)
from sparsecheck.values.capability import CAPABILITIES, declare
from sparsecheck.values.record import Record, Subject, Verdict
from sparsecheck.values.selection import Selection
from tests.faulty import run
from tests.remade import remade, subject
from tests.samples import cell, contract, declaration, environment, passed, report
from tests.test_gate_command import gate

ASKED = ("--requirement", "MASK-01", "--requirement", "MASK-05", "--requirement", "STATE-07",
         "--requirement", "REFUSE-04")
NAMES = ("exemplar", "torch-ao-nearly-diagonal")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Report]:
    """Return the reports of two equal runs; each has passed, refused, known and unavailable cells."""
    reports = []
    for name in ("old", "new"):
        folder = tmp_path_factory.mktemp(name)
        ended = run(folder, *NAMES, *ASKED)
        assert ended.code == 0, ended.output
        reports.append(read(folder / "out.jsonl"))
    assert len({record.verdict for record in reports[0].records}) == 4
    return reports[0], reports[1]


def altered(of: Report, which: Verdict, **fields: str) -> Report:
    """Return a copy with other fields in the first record of that verdict."""
    place = next(place for place, one in enumerate(of.records) if one.verdict is which)
    record = replace(of.records[place], **fields)
    return remade(of, [*of.records[:place], record, *of.records[place + 1 :]])


def redeclared(of: Report, **fields: object) -> Report:
    """Return a copy with another declaration of the first subject."""
    first, *others = of.header.subjects
    assert first.declaration is not None
    return remade(of, of.records, [replace(first, declaration=replace(first.declaration, **fields)), *others])


def without_requirement(of: Report) -> Report:
    return remade(of, [record for record in of.records if ":MASK-05/" not in record.cell])


def without_subject(of: Report) -> Report:
    return remade(of, [one for one in of.records if one.cell.startswith("exemplar:")], of.header.subjects[:1])


def unloadable(of: Report) -> Report:
    broken = Subject("exemplar", problem="it does not import")
    records = [one for one in of.records if not one.cell.startswith("exemplar:")]
    return remade(of, records, [broken, *of.header.subjects[1:]])


def counts(comparison: Comparison) -> dict[Kind, int]:
    found: dict[Kind, int] = {}
    for change in comparison.changes:
        found[change.kind] = found.get(change.kind, 0) + change.count
    return found


def test_two_runs_of_the_same_code_do_not_differ(real: tuple[Report, Report]) -> None:
    comparison = compare(*real)
    assert comparison.changes == ()
    judged = [one for one in real[0].records if one.verdict is not Verdict.UNAVAILABLE]
    assert (comparison.exit_code, comparison.compared, comparison.outside) == (0, len(judged), 0)


SHRUNK = declare(set(CAPABILITIES) - {"compile"}, ["compile"])
IN_PART = declare(CAPABILITIES, [], {"block": "kx1"})


@pytest.mark.parametrize(
    ("alter", "kind", "what"),
    [
        (lambda of: altered(of, Verdict.PASSED, verdict=Verdict.FAILED), "NEW_FAILURE", "was passed, now failed"),
        (lambda of: altered(of, Verdict.KNOWN, verdict=Verdict.ERROR), "NEW_FAILURE", "was known failure, now error"),
        (lambda of: altered(of, Verdict.PASSED, verdict=Verdict.STALE), "NEW_FAILURE", "now stale expectation"),
        (lambda of: altered(of, Verdict.UNAVAILABLE, verdict=Verdict.FAILED), "NEW_FAILURE", "was unavailable, now"),
        (lambda of: altered(of, Verdict.PASSED, verdict=Verdict.KNOWN), "WEAKER", "was passed, now known failure"),
        (lambda of: altered(of, Verdict.PASSED, verdict=Verdict.REFUSED, refused_by="package"), "WEAKER", "by the"),
        (lambda of: altered(of, Verdict.KNOWN, verdict=Verdict.REFUSED), "WEAKER", "was known failure, now refused"),
        (lambda of: altered(of, Verdict.PASSED, verdict=Verdict.UNAVAILABLE), "LOST", "was passed, now unavailable"),
        (lambda of: altered(of, Verdict.KNOWN, signature="mask-differs: x"), "CHANGED", "but in another way"),
        (lambda of: redeclared(of, capabilities=SHRUNK), "SHRUNK", "compile: was supported, now unsupported"),
        (lambda of: redeclared(of, contract=contract(ties="any")), "CHANGED", "contract, ties: was lowest index, now"),
        (lambda of: redeclared(of, catalogue=3), "CHANGED", "catalogue: was 4, now 3"),
        (lambda of: redeclared(of, capabilities=IN_PART), "SHRUNK", "parts of block: was all, now kx1"),
        (lambda of: redeclared(of, profile="structural"), "CHANGED", "profile: was mask, now structural"),
        (without_requirement, "LOST", "planned before, but not now"),
        (without_subject, "LOST", "the sparsifier is missing from the new report"),
        (unloadable, "LOST", "could be judged before, but not now"),
    ],
)
def test_every_regression_is_found_and_is_an_improvement_in_reverse(
    real: tuple[Report, Report], alter: Callable[[Report], Report], kind: str, what: str
) -> None:
    old, new = real
    comparison = compare(old, alter(new))
    assert Kind[kind] in counts(comparison)
    assert [change for change in comparison.worse if change.kind is Kind[kind] and what in change.what]
    assert (comparison.exit_code, comparison.better) == (1, ())
    back = compare(alter(new), old)
    assert [change.kind for change in back.worse if kind != "CHANGED" and "stale" not in what] in ([], [Kind.LOST])


def of(verdict: Verdict, signature: str = "", by: str = "") -> Report:
    """Return a report of one cell with this verdict and one that passed."""
    return report([Record(cell(), verdict, signature, refused_by=by), *passed(cell("MASK-02"))])  # type: ignore[arg-type]


V = Verdict


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        (V.FAILED, V.PASSED, "FIXED"), (V.ERROR, V.KNOWN, "FIXED"), (V.KNOWN, V.PASSED, "FIXED"),
        (V.FAILED, V.STALE, "FIXED"), (V.KNOWN, V.STALE, "FIXED"), (V.STALE, V.PASSED, "FIXED"),
        (V.REFUSED, V.PASSED, "FIXED"), (V.REFUSED, V.KNOWN, "FIXED"), (V.FAILED, V.REFUSED, "FIXED"),
        (V.REFUSED, V.FAILED, "NEW_FAILURE"), (V.STALE, V.FAILED, "NEW_FAILURE"), (V.PASSED, V.NOT_RUN, "NEW_FAILURE"),
        (V.STALE, V.KNOWN, "WEAKER"), (V.STALE, V.REFUSED, "WEAKER"), (V.ERROR, V.STALE, "FIXED"),
        (V.FAILED, V.ERROR, "CHANGED"), (V.ERROR, V.FAILED, "CHANGED"),
        (V.FAILED, V.NOT_RUN, "CHANGED"), (V.UNAVAILABLE, V.KNOWN, "JUDGED"), (V.UNAVAILABLE, V.REFUSED, "JUDGED"),
        (V.NOT_RUN, V.FAILED, "JUDGED"), (V.NOT_RUN, V.PASSED, "JUDGED"), (V.REFUSED, V.UNAVAILABLE, "LOST"),
        (V.FAILED, V.UNAVAILABLE, "LOST"), (V.NOT_RUN, V.UNAVAILABLE, ""), (V.UNAVAILABLE, V.STALE, "NEW_FAILURE"),
        (V.PASSED, V.PROVISIONAL, "PROVISIONAL"), (V.KNOWN, V.PROVISIONAL, "PROVISIONAL"),
        (V.REFUSED, V.PROVISIONAL, "PROVISIONAL"), (V.FAILED, V.PROVISIONAL, "PROVISIONAL"),
        (V.PROVISIONAL, V.PASSED, "FIXED"), (V.PROVISIONAL, V.FAILED, "NEW_FAILURE"),
        *((verdict, verdict, "") for verdict in Verdict),
    ],
)
def test_every_change_of_verdict_has_its_kind(before: Verdict, now: Verdict, kind: str) -> None:
    comparison = compare(of(before), of(now))
    assert [change.kind.name for change in comparison.changes] == ([kind] if kind else [])


def test_another_provisional_failure_is_shown_and_not_worse() -> None:
    comparison = compare(of(V.PROVISIONAL, "aliased: a"), of(V.PROVISIONAL, "mask-differs: b"))
    assert ([change.kind for change in comparison.provisional], comparison.better) == ([Kind.PROVISIONAL], ())
    assert comparison.exit_code == 0
    assert "provisional, not red:" in list(render_text(of(V.PASSED), of(V.PASSED), comparison))


@pytest.mark.parametrize(
    ("had", "has", "kind"),
    [
        ("kx1", "1xk", "SHRUNK"), ("kx1", "kx1 1xk", "GROWN"), ("kx1 1xk", "1xk", "SHRUNK"), ("kx1", "", "GROWN"),
        ("kx1 1xk", "1xk kx1", ""), ("", "kx1 1xk", "SHRUNK"),
    ],
)
def test_supported_parts_of_a_pattern_shrink_and_grow(had: str, has: str, kind: str) -> None:
    def declaring(parts: str) -> Report:
        capabilities = declare(CAPABILITIES, [], {"block": parts} if parts else {})
        return redeclared(report(passed(cell())), capabilities=capabilities)

    changes = compare(declaring(had), declaring(has)).changes
    assert [change.kind.name for change in changes] == ([kind] if kind else [])


@pytest.mark.parametrize(
    ("before", "now", "kind"), [("package", "adapter", "WEAKER"), ("adapter", "package", "FIXED")]
)
def test_a_refusal_by_the_adapter_is_weaker_than_one_by_the_package(before: str, now: str, kind: str) -> None:
    comparison = compare(of(V.REFUSED, by=before), of(V.REFUSED, by=now))
    assert [change.kind.name for change in comparison.changes] == [kind]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("mask-differs: at 3 of 8", "mask-differs: at 4 of 8", True), ("mask-differs: a", "aliased: a", False),
        ("ValueError: 3 of 1.5e-07", "ValueError: 4 of 2.5e+08", True), ("ValueError: a", "TypeError: a", False),
        ("ValueError: in /a/b.py, line 3", "ValueError: in /c/b.py, line 5", True),
        ("ValueError: too large", "ValueError: too small", False), ("", "aliased: a", False),
    ],
)
def test_failures_are_compared_without_their_numbers_and_paths(one: str, other: str, alike: bool) -> None:
    assert (essence(one) == essence(other)) is alike
    assert bool(compare(of(V.FAILED, one), of(V.FAILED, other)).worse) is not alike


def test_a_failure_that_the_baseline_has_is_not_worse() -> None:
    assert compare(of(V.FAILED, "aliased: a"), of(V.FAILED, "aliased: a")).exit_code == 0


def test_a_retired_requirement_is_left_out_and_not_lost() -> None:
    old = report([*passed(cell("MASK-99")), *passed(cell())], requirements={**revisions(), "MASK-99": 1})
    found = compare(old, report(passed(cell())))
    assert (found.worse, found.compared) == ((), 1)
    assert found.left_out == (LeftOut("MASK-99", "not in this catalogue"),)


def test_a_cell_that_is_no_longer_planned_is_lost() -> None:
    [lost] = compare(report(passed(cell(), cell("MASK-02"))), report(passed(cell()))).worse
    assert (lost.kind, lost.what) == (Kind.LOST, "planned before, but not now")


UNOFFERED = [
    Record(cell("TRACE-01"), V.REFUSED, refused_by="package"), Record(cell("TRACE-01"), V.UNAVAILABLE),
    Record(cell("TRACE-01"), V.KNOWN, "refusal-unnamed: it breaks"),
]


@pytest.mark.parametrize("unoffered", UNOFFERED, ids=lambda record: record.verdict.value)
def test_a_cell_that_was_planned_for_its_refusal_is_not_lost(unoffered: Record) -> None:
    def declaring(of: Report, without: str) -> Report:
        [one] = of.header.subjects
        return remade(of, of.records, [replace(one, declaration=declaration(without))])

    old, new = report([unoffered, *passed(cell())]), report(passed(cell()))
    assert compare(declaring(old, "trace"), declaring(new, "trace")).changes == ()
    assert counts(compare(old, declaring(new, "trace")))[Kind.LOST] == 1, "it was offered, and no longer is"
    assert counts(compare(old, new)) == {Kind.LOST: 1}, "it is offered, and was not judged"


def test_a_changed_revision_is_left_out() -> None:
    old = report([Record(cell(), V.PASSED), *passed(cell("MASK-02"))], requirements={**revisions(), "MASK-01": 9})
    found = compare(old, report([Record(cell(), V.FAILED, "aliased: a"), *passed(cell("MASK-02"))]))
    assert (found.worse, found.compared, [one.requirement for one in found.left_out]) == ((), 1, ["MASK-01"])
    [other] = compare(old, report(passed(cell()), catalogue="a third")).worse
    assert other.what == "planned before, but not now"
    assert "MASK-99" not in {requirement.id for requirement in CATALOGUE}


def test_new_cells_count_by_their_verdict() -> None:
    others = (Record(cell("MASK-03"), V.FAILED), Record(cell("MASK-04"), V.UNAVAILABLE))
    new = report([*passed(cell(), cell("MASK-02")), *others])
    comparison = compare(report(passed(cell())), new)
    assert counts(comparison) == {Kind.NEW_FAILURE: 1, Kind.JUDGED: 1}


def test_a_new_sparsifier_that_cannot_be_judged_is_a_new_failure() -> None:
    old = report(passed(cell()))
    both = remade(old, [*old.records, *passed(cell(name="other"))], [*old.header.subjects, subject("other")])
    assert [change.kind for change in compare(old, both).changes] == [Kind.JUDGED]
    broken = remade(old, old.records, [*old.header.subjects, Subject("other", problem="it does not import")])
    [change] = compare(old, broken).worse
    assert (change.kind, change.message) == (Kind.NEW_FAILURE, "it does not import")
    assert compare(broken, broken).exit_code == 0


def test_a_new_canonical_pattern_loses_no_cell_if_capabilities_grew() -> None:
    def offering(pattern: str, token: str) -> Report:
        records = passed(f"it:MASK-06/linear/{token}/float32/cpu")
        only = {"linear", "float32", "cpu", *pattern.split()}
        known = replace(declaration(), capabilities=declare(only, set(CAPABILITIES) - only))
        return remade(report(), records, [subject("it", declaration=known)])

    grown = compare(offering("block", "block1x4-0.5"), offering("unstructured block", "unstructured-0.5"))
    assert [(change.kind, change.what) for change in grown.changes] == [
        (Kind.GROWN, "unstructured: now supported"),
    ], "the first pattern of the catalogue is another by now"
    assert grown.compared == 1
    shrunk = compare(offering("unstructured block", "unstructured-0.5"), offering("block", "block1x4-0.5"))
    assert [change.kind for change in shrunk.changes] == [Kind.SHRUNK]
    other = compare(offering("block", "band-3"), offering("unstructured block", "unstructured-0.5"))
    assert counts(other)[Kind.LOST] == 1, "it was not there because it was the first"


def test_another_kind_of_accelerator_loses_only_judged_cells() -> None:
    old, new = "it:MASK-01/linear/given/float32/cuda", "it:MASK-01/linear/given/float32/mps"
    rest = passed(cell("MASK-02"))
    elsewhere = compare(report([Record(old, V.UNAVAILABLE), *rest]), report([*passed(new), *rest]))
    assert [change.kind for change in elsewhere.changes] == [Kind.JUDGED]
    lost = compare(report([*passed(old), *rest]), report([*passed(new), *rest]))
    assert counts(lost) == {Kind.LOST: 1, Kind.JUDGED: 1}


def test_selections_are_compared_on_their_common_cells() -> None:
    whole = report(passed(cell(), cell("REG-01"), cell("REG-02")))
    part = report(passed(cell()), selection=Selection(areas=("MASK",)))
    for comparison in (compare(whole, part), compare(part, whole)):
        assert (comparison.exit_code, comparison.compared, comparison.outside) == (0, 1, 2)
    assert compare(report(passed(cell("REG-01"))), part).exit_code == 3
    one = report(passed(cell(name="other")), name="other", selection=Selection(cells=(cell(name="other"),)))
    assert compare(whole, one).worse == ()


@pytest.mark.parametrize(
    "old",
    [
        report([Record(cell(), V.UNAVAILABLE)]), report([Record(cell(), V.NOT_RUN)]), report(subjects=()),
        report(problem="it does not import"),
    ],
    ids=["unavailable", "not run", "no sparsifier", "not judged"],
)
def test_nothing_compared_is_never_green(old: Report) -> None:
    comparison = compare(old, report(passed(cell())))
    assert (comparison.exit_code, comparison.compared) == (3, 0)


def test_regressions_come_first() -> None:
    old = report([Record(cell("MASK-01"), V.FAILED), *passed(cell("MASK-02"), cell("MASK-03"))])
    new = report([*passed(cell("MASK-01")), Record(cell("MASK-02"), V.KNOWN), Record(cell("MASK-03"), V.FAILED)])
    assert [change.kind for change in compare(old, new).changes] == [Kind.NEW_FAILURE, Kind.WEAKER, Kind.FIXED]


NOTHING_TO_SAY = dict.fromkeys(("signature", "message", "reason", "link", "defect"), "")


def test_the_command_shows_regressions_and_improvements(tmp_path: Path, real: tuple[Report, Report]) -> None:
    old, new = real
    failed = altered(new, V.PASSED, verdict=V.FAILED, message="expected 4, seen 5", signature="aliased: a")
    ended = gate(tmp_path, old, altered(failed, V.KNOWN, verdict=V.PASSED, **NOTHING_TO_SAY))
    lines = ended.output.splitlines()
    assert ended.exit_code == 1
    assert lines[0].startswith("WORSE: ")
    assert lines[0].endswith("cells compared, 1 new failure, 1 cell fixed")
    assert lines.index("worse:") < lines.index("better:")
    assert "  NEW FAILURE: exemplar MASK-01: was passed, now failed (1 cell)" in lines
    first = next(one.cell for one in new.records if one.verdict is V.PASSED)
    assert f"    repeat: sparsecheck run --cell {first}" in lines
    assert "    expected 4, seen 5" in lines
    assert gate(tmp_path, old, new).output.splitlines()[0].startswith("NOTHING GOT WORSE: ")


def test_another_environment_is_noted_and_compared(real: tuple[Report, Report]) -> None:
    old, new = real
    subjects = [replace(one, environment=environment(torch="2.99.0")) for one in new.header.subjects]
    other = remade(new, new.records, subjects)
    lines = list(render_text(old, other, compare(old, other)))
    assert compare(old, other).exit_code == 0
    place = old.header.subjects[0].environment
    assert place is not None
    assert f"  torch {place.torch} before, 2.99.0 now: {', '.join(NAMES)}" in lines
    assert list(render_text(old, new, compare(old, new)))[1:] == []


def test_markdown_has_the_worst_first_and_notes_last(real: tuple[Report, Report]) -> None:
    old, new = real
    made = altered(altered(new, V.KNOWN, verdict=V.PASSED), V.REFUSED, verdict=V.ERROR)
    other = remade(made, made.records, [replace(one, environment=environment("2.99")) for one in made.header.subjects])
    text = gate_markdown(old, other, compare(old, other))
    places = [text.index(part) for part in ("WORSE: ", "### Worse", "NEW FAILURE", "### Better", "FIXED", "2.99")]
    assert places == sorted(places)
    assert "sparsecheck run --cell " in text


def test_a_change_of_the_declaration_counts_as_one() -> None:
    assert Change(Kind.SHRUNK, "it", "x").count == 1
    assert Change(Kind.LOST, "it", "x", cells=("a", "b")).count == 2


def test_a_changed_failure_is_shown_before_and_now() -> None:
    old, new = of(V.KNOWN, "aliased: a"), of(V.KNOWN, "mask-differs: b")
    assert [change.message for change in compare(old, new).changes] == ["before: aliased: a; now: mask-differs: b"]
