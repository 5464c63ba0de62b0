"""The summary in the terminal: results, red cells and how to repeat them, and nothing untrue."""

from __future__ import annotations

from dataclasses import replace as replaced
from typing import Literal

import pytest
from msgspec.structs import replace

from sparsecheck.catalogue import CATALOGUE, requirement
from sparsecheck.report.joining import join
from sparsecheck.report.ledger import applies
from sparsecheck.report.report import Report
from sparsecheck.show.summary import summary
from sparsecheck.values.record import Record, Verdict
from sparsecheck.values.selection import Selection
from tests.samples import cell, declaration, passed, report

NO_SCHEDULES = (
    "  not offered: SCHED-01, SCHED-02, SCHED-03, SCHED-04, SCHED-05, SCHED-06, SCHED-07, SCHED-09, SCHED-10"
)
"""The last line of a sparsifier whose contract has no schedules."""


def text(of: Report) -> str:
    return "\n".join(summary(of))


def level(name: str) -> int:
    """Return how many requirements of the level apply to the sparsifier of these reports."""
    return sum(one.level == name and applies(one, declaration()) for one in CATALOGUE)


def failed(message: str = "mask of layer1.weight differs") -> Record:
    return Record(cell(), Verdict.FAILED, "mask-differs", message)


def test_a_result_comes_with_profile_versions_and_counts() -> None:
    levels = [level(name) for name in ("core", "extended")]
    assert text(report(passed(cell(), cell("MASK-03")))).startswith(
        "it: CONFORMANT (mask profile, acme 1.5, torch 2.13.0+cpu)\n"
        f"  core: conformant; 1 of {levels[0]} requirements judged\n"
        f"  extended: conformant; 1 of {levels[1]} requirements judged\n"
        "  2 cells planned: 2 passed\n"
    )


def test_passed_cells_are_only_counted() -> None:
    *lines, last = summary(report(passed(cell())))
    assert (len(lines), lines[-1], last) == (5, NO_SCHEDULES, "")
    assert not any("\n" in line for line in lines)


def test_a_failure_is_shown_with_sentence_message_and_command() -> None:
    assert [line.strip() for line in text(report([failed(), *passed(cell("MASK-02"))])).splitlines()][4:7] == [
        f"failed: MASK-01 {requirement('MASK-01').sentence}",
        "1 cell: mask of layer1.weight differs",
        f"repeat: sparsecheck run --cell {cell()}",
    ]


def test_a_failure_is_shown_under_its_sparsifier() -> None:
    assert f"\n  failed: MASK-01 {requirement('MASK-01').sentence}\n" in text(report([failed()]))


def test_failures_of_one_requirement_are_shown_once_and_counted() -> None:
    other = Record(cell(layer="conv2d"), Verdict.FAILED, "mask-differs", "of conv1")
    shown = text(report([failed(), other]))
    assert shown.count("failed: MASK-01") == 1
    assert "    2 cells: mask of layer1.weight differs\n" in shown


def test_each_cause_of_a_failing_requirement_is_shown() -> None:
    other = Record(cell(layer="conv2d"), Verdict.FAILED, "RuntimeError: no rows", "raised RuntimeError: no rows")
    same = Record(cell(layer="mixed"), Verdict.FAILED, "mask-differs", "mask of layer2.weight differs")
    shown = text(report([failed(), other, same]))
    assert shown.count("failed: MASK-01") == 1
    assert "    2 cells: mask of layer1.weight differs\n" in shown
    assert "    1 cell: raised RuntimeError: no rows\n" in shown
    assert shown.count("repeat: sparsecheck run --cell ") == 2


def known(id: str, defect: str = "", layer: str = "linear", **fields: str) -> Record:
    """Return a known failure; without a defect's id it is one of an older report, or of an older expectation file."""
    plain = {"signature": "aliased: a", "message": "seen", "reason": f"It is {defect or id}.", "link": ""}
    return Record(cell(id, layer), Verdict.KNOWN, defect=defect, **{**plain, **fields})  # type: ignore[arg-type]


def test_a_known_defect_is_shown_once_with_all_that_it_breaks() -> None:
    records = [known("MASK-03", "x"), known("MASK-01", "x"), known("MASK-02", "x"), known("MASK-02", "x", "conv2d")]
    assert text(report([*records, *passed(cell("MASK-04"))])).splitlines()[4:] == [
        "  1 known defect, worst first:",
        "  - x: It is x.",
        "    breaks: 4 cells of core MASK-01, MASK-02; extended MASK-03",
        "    seen in 4 cells: seen",
        f"    repeat: sparsecheck run --cell {cell('MASK-03')}",
        NO_SCHEDULES,
    ]


def test_known_defects_are_shown_the_worst_first() -> None:
    records = [
        *(known("MASK-03", "in-three-extended-cells", layer) for layer in ("linear", "conv2d", "mixed")),
        known("MASK-01", "in-one-core-cell"),
        *(known("MASK-02", "in-two", layer) for layer in ("linear", "mixed")),
    ]
    shown = [line.split()[1] for line in text(report(records)).splitlines() if line.startswith("  - ")]
    assert shown == ["in-two:", "in-one-core-cell:", "in-three-extended-cells:"]


def test_all_causes_of_a_known_defect_are_shown() -> None:
    records = [known("MASK-01", "x", message="masks"), known("MASK-02", "x", signature="RuntimeError: a", message="it")]
    shown = text(report(records))
    assert "    seen in 1 cell: masks\n    seen in 1 cell: it\n" in shown


def test_known_failures_of_an_older_report_are_shown_by_reason() -> None:
    records = [known("MASK-01", reason="One."), known("MASK-02", reason="One."), known("MASK-01", "", "mixed")]
    shown = text(report([*records, *passed(cell("MASK-04"))]))
    assert shown.startswith("it: CONFORMANT with 2 known defects (")
    assert "  - aliased: One.\n    breaks: 2 cells of core MASK-01, MASK-02\n" in shown


def test_a_known_defect_comes_with_its_reason_and_link() -> None:
    assert "  - x: It is x. (https://x.y/1)\n" in text(report([known("MASK-01", "x", link="https://x.y/1")]))


@pytest.mark.parametrize(("end", "whole"), [("c", True), ("cd", False)])
def test_messages_are_shortened_to_four_hundred_characters(end: str, whole: bool) -> None:
    message = "ab " * 133 + end
    assert (f": {message}\n" in text(report([failed(message)]))) is whole


def test_a_long_message_is_shown_on_one_shortened_line() -> None:
    shown = text(report([failed("first line\n" + "word " * 200)]))
    [line] = [line for line in shown.splitlines() if "first line" in line]
    assert line.startswith("    1 cell: first line word word")
    assert line.endswith("word ...")
    assert len(line) < 420


@pytest.mark.parametrize("who", ["package", "adapter"])
def test_refusals_are_grouped_by_the_refuser(who: Literal["package", "adapter"]) -> None:
    record = Record(cell(), Verdict.REFUSED, refused_by=who)
    assert f"  refused by the {who}: MASK-01\n" in text(report([record]))


def test_refusals_of_many_requirements_are_sorted() -> None:
    ids = [f"MASK-{number:02}" for number in range(1, 12)]
    package = [Record(cell(id), Verdict.REFUSED, refused_by="package") for id in reversed(ids)]
    shown = text(report([*package, Record(cell("MASK-12"), Verdict.REFUSED, refused_by="adapter")]))
    assert f"  refused by the package: {', '.join(ids)}\n  refused by the adapter: MASK-12\n" in shown


def test_reasons_of_unavailable_cells_are_sorted() -> None:
    known = Record(cell("MASK-03"), Verdict.KNOWN, "a", "b", reason="It is so.")
    second, first = (Record(cell(f"MASK-0{at}"), Verdict.UNAVAILABLE, reason=f"no {at}") for at in (2, 1))
    shown = text(report([second, first, known, *passed(cell("MASK-04"))]))
    assert shown.endswith("  unavailable: 1 cell, no 1\n  unavailable: 1 cell, no 2\n")
    assert shown.count("unavailable: ") == 2


def test_unavailable_cells_are_counted_by_reason() -> None:
    records = [Record(cell(id), Verdict.UNAVAILABLE, reason="no cuda device here") for id in ("MASK-01", "MASK-02")]
    assert "  unavailable: 2 cells, no cuda device here\n" in text(report(records))


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (report(passed(cell()), [cell(), cell("MASK-02")]), "it: NOT CONFORMANT"),
        (report(passed(cell()), [cell(), cell("MASK-02")]), "  PLAN AND RECORDS DIFFER: 1 never judged, first it:"),
        (report(problem="it does not import"), "it: NOT JUDGED: it does not import\n"),
        (report(passed(cell()), selection=Selection(areas=("MASK",))), "it: SELECTION"),
        (report(passed(cell()), selection=Selection(areas=("MASK",))), "Only a selection was judged; the results"),
        (report(passed(cell()), interrupted="Ctrl-C"), "INTERRUPTED (Ctrl-C): the run is incomplete"),
        (report(passed(cell()), catalogue=1, requirements={"MASK-01": 1}), "Judged by catalogue 1;"),
        (replaced(report(passed(cell())), footer=None), "INTERRUPTED (the run was cut short): the run is"),
    ],
)
def test_an_incomplete_run_is_announced(of: Report, said: str) -> None:
    assert said in text(of)


def line(name: str, defects: str = "", counts: str = "1 passed") -> str:
    levels = f"core conformant{defects} (1 of {level('core')}), extended incomplete (0 of {level('extended')})"
    return f"{name}  CONFORMANT      {levels}; {counts}"


def test_two_sparsifiers_get_an_overview() -> None:
    two = join([report(passed(cell())), report(passed(cell(name="other")), name="other")])
    assert text(two).splitlines()[-2:] == [line("it   "), line("other")]


def test_the_overview_has_a_line_per_sparsifier() -> None:
    one = Record(cell("MASK-01", "conv2d", name="other"), Verdict.KNOWN, "a", "b")
    apart = [
        report(passed(cell())),
        report([one, *passed(cell("MASK-01", name="other"))], name="other"),
        report(problem="it does not import", name="third"),
    ]
    assert text(join(apart)).splitlines()[-3:] == [
        line("it   "), line("other", " with 1 known defect", "1 known failure, 1 passed"), "third  NOT JUDGED",
    ]
    assert "it     CONFORMANT" not in text(apart[0])


def test_control_characters_are_escaped() -> None:
    shown = text(report([failed("\x1b[2J\x1b[32mSUCCESS\x07 größer")]))
    assert r"1 cell: \x1b[2J\x1b[32mSUCCESS\x07 größer" in shown
    assert shown.isprintable() or set(filter(lambda one: not one.isprintable(), shown)) == {"\n"}


def test_a_backslash_is_not_escaped() -> None:
    assert r"1 cell: C:\it" in text(report([failed(r"C:\it")]))


def test_the_command_for_an_adapter_file_names_the_file() -> None:
    one = report([failed()])
    [subject] = one.header.subjects
    header = replace(one.header, subjects=(replace(subject, adapter="/a b/it.py"),))
    assert f"repeat: sparsecheck run --adapter '/a b/it.py' --cell {cell()}\n" in text(replaced(one, header=header))


def test_cells_that_were_not_run_are_counted_with_the_reason() -> None:
    records = [Record(cell(id), Verdict.NOT_RUN, message=f"{id} is not run") for id in ("MASK-01", "MASK-02")]
    shown = text(report([*records, *passed(cell("MASK-03"))]))
    assert (
        "  NOT RUN: 2 cells, because a smoke check of the adapter fails:\n    MASK-01 is not run\n" in shown
    )
    assert "NOT RUN" not in text(report(passed(cell())))


@pytest.mark.parametrize(("end", "whole"), [("c", True), ("cd", False)])
def test_the_reason_for_an_unjudged_sparsifier_is_shortened(end: str, whole: bool) -> None:
    problem = "a " + "ab " * 399 + end
    assert (f"NOT JUDGED: {problem}\n" in text(report(problem=problem))) is whole


@pytest.mark.parametrize(("version", "whole"), [("1" * 75, True), ("1" * 76, False)])
def test_a_long_version_is_shortened(version: str, whole: bool) -> None:
    [subject] = (one := report(passed(cell()))).header.subjects
    header = replace(one.header, subjects=(replace(subject, declaration=declaration(version=version)),))
    assert (f"acme {version}, torch" in text(replaced(one, header=header))) is whole


def test_a_run_in_which_nothing_passed_is_announced() -> None:
    refused = Record(cell(), Verdict.REFUSED, refused_by="package")
    assert "  NOTHING PASSED: " in text(report([refused]))
    assert "NOTHING PASSED" not in text(report([refused, *passed(cell("MASK-02"))]))
    assert "NOTHING PASSED" not in text(report([refused], selection=Selection(areas=("MASK",))))


def test_a_run_in_which_everything_is_unavailable_is_announced() -> None:
    shown = text(report([Record(cell(), Verdict.UNAVAILABLE, reason="no cuda device here")]))
    assert shown.startswith("it: UNAVAILABLE (mask profile")
    assert "\n  NOTHING COULD BE JUDGED on this machine, which cannot run any of these cells\n" in shown
    assert "NOTHING COULD BE JUDGED" not in text(report(passed(cell())))


def probe(*records: Record) -> str:
    supposed = replace(declaration(), supposed=("given",))
    header = report(records).header
    [subject] = header.subjects
    return text(report(records, subjects=(replace(subject, declaration=supposed),), selection=Selection(probe=True)))


def test_a_probe_shows_what_passes_and_gives_no_verdict() -> None:
    shown = probe(*passed(cell()))
    assert shown.startswith("it: PROBE (mask profile")
    assert "given" in shown.splitlines()[2]
    assert shown.endswith(
        "Probe: undeclared capabilities were treated as supported.\n"
        "Nothing above is a verdict; declare them and run again."
    )
    assert "Only a selection" not in shown


def test_a_probe_shows_cells_that_were_not_run() -> None:
    shown = probe(Record(cell(), Verdict.NOT_RUN, message="SMOKE-01 is failed: it breaks"))
    assert "\n  NOT RUN: 1 cell, because a smoke check of the adapter fails:\n    SMOKE-01 is failed" in shown
