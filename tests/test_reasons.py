"""Exit code, JUnit, Markdown, pages and terminal agree about every report, since all render the same reasons."""

from __future__ import annotations

import random
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from sparsecheck.cli import main
from sparsecheck.errors import INCOMPLETE, OK, RED, UNUSABLE
from sparsecheck.report.comparison import compare
from sparsecheck.report.joining import join
from sparsecheck.report.reasons import exit_code, reasons
from sparsecheck.report.report import InvalidReport, Report, write
from sparsecheck.show.junit import junit
from sparsecheck.show.run_page import CROSS, report_markdown
from sparsecheck.show.summary import summary
from sparsecheck.values.record import Record, Verdict
from sparsecheck.values.selection import Selection
from tests.samples import cell, passed, report

REFUSED = Record(cell("MASK-02"), Verdict.REFUSED, refused_by="package")
UNAVAILABLE = Record(cell(), Verdict.UNAVAILABLE, reason="no cuda device here")
WHOLE = report(passed(cell(), cell("MASK-02")))
TWICE = report([*passed(cell()), *passed(cell())], [cell()])
EXPECTED = {
    "passed": (WHOLE, OK, ""),
    "interrupted, all passed": (report(passed(cell()), interrupted="Ctrl-C"), INCOMPLETE, "interrupted: Ctrl-C"),
    "the judge was tampered with": (report(passed(cell()), interrupted="it replaced a part of the harness"), INCOMPLETE,
                                    "interrupted: it replaced a part of the harness"),
    "a record stands twice": (TWICE, INCOMPLETE, "judged twice: 1 judged twice, first it:MASK-01"),
    "an unplanned record": (report(passed(cell(), cell("MASK-02")), [cell()]), INCOMPLETE, "not planned: 1 not "),
    "never judged": (report(passed(cell()), [cell(), cell("MASK-02")]), INCOMPLETE, "never judged: 1 never judged"),
    "nothing passed": (report([REFUSED]), RED, "nothing passed: every judged cell failed or was refused"),
    "no accelerator": (report([UNAVAILABLE]), RED, "nothing could be judged: this machine cannot run any of its cells"),
    "a problem": (report(problem="it does not import"), UNUSABLE, "not judged: it does not import"),
    "nothing planned": (report(), UNUSABLE, "nothing planned: no cell of any sparsifier is planned"),
    "a failure": (report([*passed(cell()), Record(cell("MASK-02"), Verdict.FAILED, "a: b", "c")]), RED, "failed: c"),
    "a stale entry": (report([*passed(cell()), Record(cell("MASK-02"), Verdict.STALE, "", "expected")]), RED,
                      "stale expectation: expected"),
    "a probe": (report(passed(cell()), selection=Selection(probe=True)), UNUSABLE, "probe: "),
}


def failures(document: bytes) -> list[str]:
    """Return the messages of all failures and errors, whose number has to be that of the attributes."""
    root = ElementTree.fromstring(document)
    found = [str(one.get("message")) for one in root.iter() if one.tag in ("failure", "error")]
    assert int(root.attrib["failures"]) + int(root.attrib["errors"]) == len(found)
    return found


@pytest.mark.parametrize("name", EXPECTED)
def test_junit_names_the_reason_for_the_exit_code(name: str) -> None:
    one, code, said = EXPECTED[name]
    assert exit_code(one) == code
    found = failures(junit(one))
    assert bool(found) == bool(code)
    assert any(message.startswith(said) for message in found) or not code


@pytest.mark.parametrize("name", EXPECTED)
def test_every_door_of_the_report_command_agrees(tmp_path: Path, name: str) -> None:
    one, code, _ = EXPECTED[name]
    write(one, tmp_path / "r.jsonl")
    result = invoke(tmp_path, "report", "r.jsonl", "--junit", "r.xml", "--markdown", "r.md")
    assert result.exit_code == code
    assert bool(failures((tmp_path / "r.xml").read_bytes())) == bool(code)
    assert (CROSS in (tmp_path / "r.md").read_text("utf-8")) == bool(code)


def test_required_names_are_errors_in_junit_and_markdown(tmp_path: Path) -> None:
    write(WHOLE, tmp_path / "r.jsonl")
    asked = ("report", "r.jsonl", "--require", "other", "--junit", "r.xml", "--markdown", "r.md")
    assert invoke(tmp_path, *asked).exit_code == UNUSABLE
    said = "required but not judged: the run had to judge this sparsifier"
    assert failures((tmp_path / "r.xml").read_bytes()) == [said]
    assert f"{CROSS} other: {said}" in (tmp_path / "r.md").read_text("utf-8")


@pytest.mark.parametrize("command", ["report", "gate"])
@pytest.mark.parametrize(("text", "code"), [(b"", UNUSABLE), (None, INCOMPLETE)])
def test_an_unusable_report_is_an_error_in_files_of_an_earlier_run(
    tmp_path: Path, command: str, text: bytes | None, code: int
) -> None:
    """Otherwise a stale file would go on saying that all is well."""
    write(WHOLE, tmp_path / "old.jsonl")
    write(Report(WHOLE.header, WHOLE.records, None), tmp_path / "r.jsonl")
    if text is not None:
        (tmp_path / "r.jsonl").write_bytes(text)
    (tmp_path / "r.xml").write_bytes(junit(WHOLE))
    asked = [command, "r.jsonl", *(["--baseline", "old.jsonl"] if command == "gate" else [])]
    result = invoke(tmp_path, *asked, "--junit", "r.xml", "--markdown", "r.md")
    assert result.exit_code == code
    [message] = failures((tmp_path / "r.xml").read_bytes())
    assert message.startswith("not judged: r.jsonl has no ")
    assert f"{CROSS} not judged: r.jsonl" in (tmp_path / "r.md").read_text("utf-8")


def invoke(folder: Path, *arguments: str) -> Result:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return CliRunner().invoke(main, arguments)


def generated(seed: int) -> Report:
    """Return a report of one sparsifier or two, in any of the states that a run may leave."""
    chance = random.Random(seed)
    reports = [_of_one(name, chance) for name in ("it", "other")[: chance.randint(1, 2)]]
    interrupted = chance.choice(["", "", "", "Ctrl-C"])
    return join(reports, interrupted) if chance.random() < 0.95 else replace_footer(join(reports))


def replace_footer(one: Report) -> Report:
    return Report(one.header, one.records, None)


def _of_one(name: str, chance: random.Random) -> Report:
    if chance.random() < 0.1:
        return report(problem="it does not import", name=name)
    verdicts = chance.choice([list(Verdict), [Verdict.PASSED, Verdict.KNOWN], [Verdict.PASSED], [Verdict.UNAVAILABLE],
                              [Verdict.REFUSED, Verdict.UNAVAILABLE, Verdict.PROVISIONAL]])
    records = [_record(cell(f"MASK-{number:02}", name=name), chance.choice(verdicts))
               for number in range(1, chance.randint(1, 5))]
    planned = [record.cell for record in records]
    change = chance.random()
    if records and change < 0.1:
        records.append(records[0])
    elif change < 0.2:
        planned = [*planned, cell("REG-01", name=name)]
    elif change < 0.3:
        planned = planned[1:]
    return report(records, planned, name=name)


def _record(cell: str, verdict: Verdict) -> Record:
    """Return a record that has the texts of its verdict and no others."""
    fails = ("aliased: a", "b") if verdict.is_red or verdict in (Verdict.KNOWN, Verdict.PROVISIONAL) else ("", "")
    explained = (Verdict.KNOWN, Verdict.PROVISIONAL, Verdict.UNAVAILABLE)
    return Record(cell, verdict, *fails, "package" if verdict is Verdict.REFUSED else "",
                  "It is so." if verdict in explained else "")


SEEDS = range(400)


def test_all_documents_of_generated_reports_agree_with_the_exit_code() -> None:
    codes = set()
    for seed in SEEDS:
        one = generated(seed)
        code = exit_code(one)
        codes.add(code)
        found = failures(junit(one))
        shown = report_markdown(one)
        assert bool(found) == bool(code), seed
        assert (CROSS in shown) == bool(code), seed
    assert codes == {OK, RED, UNUSABLE, INCOMPLETE}


@pytest.mark.parametrize("seed", SEEDS[:40])
def test_the_terminal_shows_every_reason(seed: int) -> None:
    one = generated(seed)
    text = "\n".join(summary(one)).lower()
    for reason in reasons(one):
        assert reason.kind.lower() in text or reason.sentence.lower() in text, reason


def test_pages_of_generated_reports_show_every_reason(tmp_path: Path) -> None:
    codes = set()
    for seed in (one for one in SEEDS if exit_code(generated(one)) != INCOMPLETE):
        one = generated(seed)
        codes.add(code := exit_code(one))
        write(one, tmp_path / "r.jsonl")
        invoke(tmp_path, "page", "r.jsonl", "--markdown", "r.md", "--html", "r.html")
        assert (CROSS in (tmp_path / "r.md").read_text("utf-8")) == bool(code), seed
        assert ('class="warning reasons"' in (tmp_path / "r.html").read_text("utf-8")) == bool(code), seed
        if len(codes) == 3 and seed > 40:
            return


def test_the_gate_agrees_with_its_junit_and_markdown(tmp_path: Path) -> None:
    codes = set()
    for seed in SEEDS:
        old, new = generated(seed), generated(seed + len(SEEDS))
        try:
            comparison = compare(old, new)
        except InvalidReport:
            continue
        codes.add(comparison.exit_code)
        assert bool(failures(junit(new, comparison.reasons))) == bool(comparison.exit_code), seed
    assert codes == {OK, RED, INCOMPLETE}


def test_the_gate_shows_an_old_failure_as_no_regression(tmp_path: Path) -> None:
    one = report([*passed(cell()), Record(cell("MASK-02"), Verdict.FAILED, "a: b", "c")])
    write(one, tmp_path / "r.jsonl")
    asked = ("gate", "r.jsonl", "--baseline", "r.jsonl", "--junit", "r.xml", "--markdown", "r.md")
    assert invoke(tmp_path, *asked).exit_code == OK
    assert failures((tmp_path / "r.xml").read_bytes()) == []
    [skipped] = ElementTree.parse(tmp_path / "r.xml").iter("skipped")
    assert skipped.get("message") == "not a regression, failed: c"
    assert CROSS not in (tmp_path / "r.md").read_text("utf-8")


def test_a_lost_cell_is_a_failure_of_the_gate(tmp_path: Path) -> None:
    write(WHOLE, tmp_path / "old.jsonl")
    write(report(passed(cell())), tmp_path / "r.jsonl")
    asked = ("gate", "r.jsonl", "--baseline", "old.jsonl", "--junit", "r.xml", "--markdown", "r.md")
    assert invoke(tmp_path, *asked).exit_code == RED
    assert failures((tmp_path / "r.xml").read_bytes()) == ["lost cell: planned before, but not now"]
    assert CROSS in (tmp_path / "r.md").read_text("utf-8")
