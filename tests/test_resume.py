"""`--resume`: records of an interrupted run are kept, the rest is judged, and other runs are refused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from sparsecheck.report.lines import encode
from sparsecheck.report.report import Report, read, read_partial, write
from sparsecheck.report.resuming import (
    CannotResume,
    ChangedCatalogue,
    ChangedCode,
    ChangedDeclaration,
    ChangedEnvironment,
    ChangedExpectations,
    ChangedPlan,
    check_same,
    earlier,
    kept,
)
from sparsecheck.values.origin import Fingerprint, Origin
from sparsecheck.values.record import Header, Record, Share, Subject, Verdict
from sparsecheck.values.selection import Selection
from tests.faulty import Ended, faulty, run
from tests.samples import cell, declaration, environment, expectation, passed, report

ONE = report(passed(cell(), cell("MASK-02")), sparsecheck="1", code="1" * 64)
SUBJECT = replace(
    ONE.header.subjects[0], origin=Origin("acme", "1.5", "/a/acme.py"), fingerprint=Fingerprint("00" * 32, "00" * 32)
)
SMALL = ("--requirement", "MASK-01", "--requirement", "MASK-04")
DIES = "os.path.exists({0!r}) or (max(p.shape[0] for p in model.parameters()) > 99 and {1})"
"""Code that runs at one of the last cells of MASK-01 until a file exists."""


def test_one_record_per_cell_is_kept_and_crashes_are_not() -> None:
    crashed = Record(cell("MASK-03"), Verdict.ERROR, "crash", "its process ended")
    failed = Record(cell("MASK-03"), Verdict.ERROR, "Timeout: 6 s")
    assert kept([*passed(cell(), cell()), crashed, failed]) == (*passed(cell()), failed)


def left(file: Path, one: Report, *cut: bytes) -> Path:
    file.write_bytes(encode(one.header) + b"".join(map(encode, one.records)) + b"".join(cut))
    return file


def test_complete_lines_are_kept_and_truncated_ones_are_not(tmp_path: Path) -> None:
    half = encode(passed(cell("MASK-03"))[0])[:-1]
    [(name, found)] = earlier([left(tmp_path / "cut", ONE, half)], ["it"], ONE.header).items()
    assert name == "it"
    assert found == Report(ONE.header, ONE.records, None)


def test_records_of_several_attempts_are_joined(tmp_path: Path) -> None:
    later = Report(replace(ONE.header, started="2027-01-01"), passed(cell("MASK-02"), cell("MASK-03")), None)
    (tmp_path / "empty").write_bytes(encode(ONE.header)[:-1])
    sources = [tmp_path / "empty", left(tmp_path / "2", later), left(tmp_path / "1", ONE)]
    found = earlier(sources, ["it", "other"], ONE.header)["it"]
    assert {record.cell for record in found.records} == {cell(), cell("MASK-02"), cell("MASK-03")}
    assert found.header.started == ONE.header.started


def test_a_sparsifier_that_could_not_be_judged_is_judged_on_resume(tmp_path: Path) -> None:
    broken = report(problem="it left no report", sparsecheck="1")
    assert earlier([left(tmp_path / "cut", broken)], ["it"], ONE.header) == {}


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda one: replace(one, catalogue=99), ChangedCatalogue,
         r"another catalogue than this run \(99 and 4\)\. Use the same --catalogue"),
        (lambda one: replace(one, sparsecheck="0"), ChangedCatalogue, "by sparsecheck 0, and this is 1"),
        (lambda one: replace(one, code="0" * 64), ChangedCatalogue,
         r"by other code of sparsecheck \(00000000 before, 11111111 now\)\. To start again"),
        (lambda one: replace(one, selection=Selection(("MASK",))), ChangedPlan, "has another selection"),
        (lambda one: replace(one, shard="1/2"), ChangedPlan, "is the report of shard 1/2, not of a whole run"),
        (lambda one: replace(one, subjects=(replace(SUBJECT, sparsifier="other"),)), ChangedPlan, "also about other"),
    ],
)
def test_a_report_of_another_run_is_not_resumed(
    tmp_path: Path, change: Callable[[Header], Header], error: type[CannotResume], said: str
) -> None:
    file = left(tmp_path / "cut", Report(change(ONE.header), (), None))
    with pytest.raises(error, match=said):
        earlier([file], ["it"], ONE.header)


@pytest.mark.parametrize(
    ("now", "error", "said"),
    [
        (replace(SUBJECT, declaration=declaration(version="2")), ChangedDeclaration, "it has another declaration"),
        (replace(SUBJECT, origin=Origin("acme", "1.5", "/b/acme.py", "checkout")), ChangedDeclaration,
         r"from acme 1.5 \(installed release\) before, and is acme 1.5 \(checkout\) now"),
        (replace(SUBJECT, fingerprint=Fingerprint("11" * 32, "00" * 32)), ChangedCode,
         r"it was judged with other files before: the code of acme \(00000000 before, 11111111 now\)\. To start again"),
        (replace(SUBJECT, fingerprint=Fingerprint("00" * 32, "11" * 32)), ChangedCode,
         r"before: the adapter file \(00000000 before, 11111111 now\)"),
        (replace(SUBJECT, fingerprint=Fingerprint("00" * 32, "00" * 32, "11" * 32)), ChangedCode,
         r"before: the expectation file \(none before, 11111111 now\)"),
        (replace(SUBJECT, fingerprint=None), ChangedCode, "only one of both states which code it judged"),
        (replace(SUBJECT, environment=environment("2.10")), ChangedEnvironment, "in another environment before"),
        (replace(SUBJECT, planned=()), ChangedPlan, "it has other cells to judge"),
        (replace(SUBJECT, share=Share("a", ())), ChangedPlan, "it has other cells to judge"),
        (replace(SUBJECT, expected=(expectation(id="wrong-output").value,)), ChangedExpectations,
         "it has other expectations than before: defect wrong-output"),
        (Subject("it", problem="gone"), ChangedDeclaration, "but not now: gone"),
    ],
)
def test_a_changed_sparsifier_is_not_resumed(now: Subject, error: type[CannotResume], said: str) -> None:
    for origin in (SUBJECT.origin, None, Origin("acme", "1.5", "/elsewhere/acme.py")):
        check_same(SUBJECT, replace(SUBJECT, origin=origin))
    with pytest.raises(error, match=said):
        check_same(SUBJECT, now)


def without_seconds(one: Report) -> dict[str, Record]:
    return {record.cell: replace(record, seconds=0.0) for record in one.records}


def assert_resumed_equals_whole(ended: Ended, whole: Ended, before: Report) -> None:
    """Assert that the resumed report equals the whole one and contains the earlier records unchanged."""
    assert ended.report is not None, ended.output
    assert whole.report is not None
    assert ended.code == whole.code == 0, ended.output
    assert without_seconds(ended.report) == without_seconds(whole.report)
    assert ended.report.outcomes() == whole.report.outcomes()
    assert set(kept(before.records)) <= set(ended.report.records)


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_an_interrupted_run_can_be_resumed(tmp_path: Path, workers: tuple[str, ...]) -> None:
    mended = tmp_path / "mended"
    asked = ("--adapter", str(faulty(tmp_path, DIES.format(str(mended), "os._exit(0)"))), *SMALL)
    cut = run(tmp_path, *asked)
    assert cut.code == 3, cut.output
    assert cut.report is not None
    assert any(record.signature == "crash" for record in cut.report.records)
    again = run(tmp_path, *asked, "--resume")
    assert again.code == 3, "it dies again, and loses nothing by it"
    assert again.report is not None
    assert set(kept(cut.report.records)) <= set(again.report.records)
    mended.touch()
    ended = run(tmp_path, *asked, *workers, "--resume")
    assert f"resuming with {len(kept(again.report.records))} records" in ended.output
    assert_resumed_equals_whole(ended, run(tmp_path, *asked), cut.report)
    assert not (tmp_path / "out.jsonl.parts").exists()


def killed(folder: Path, *arguments: str) -> None:
    """Start a run and kill it after a few cells."""
    command = [sys.executable, "-m", "sparsecheck", "run", "--report", "out.jsonl", *arguments]
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while child.poll() is None and not (folder / "begun").exists():
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    child.wait()


def test_a_killed_run_leaves_its_records_and_can_be_resumed(tmp_path: Path) -> None:
    begun, mended = tmp_path / "begun", tmp_path / "mended"
    waits = f"[open({str(begun)!r}, 'w').write(str(os.getpid())), time.sleep(60)]"
    asked = ("--adapter", str(faulty(tmp_path, DIES.format(str(mended), waits))), *SMALL)
    killed(tmp_path, *asked)
    assert not (tmp_path / "out.jsonl").exists()
    [records] = (tmp_path / "out.jsonl.parts").glob("*/*.jsonl")
    before = read_partial(records)
    assert len(before.records) > 3
    mended.touch()
    ended = run(tmp_path, *asked, "--resume")
    assert_resumed_equals_whole(ended, run(tmp_path, *asked), before)
    assert not (tmp_path / "out.jsonl.parts").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(begun.read_text()), 0)


def test_a_new_run_ignores_the_records_of_a_killed_one(tmp_path: Path) -> None:
    old = tmp_path / "out.jsonl.parts" / "000001"
    old.mkdir(parents=True)
    left(old / "exemplar.jsonl", ONE)
    ended = run(tmp_path, "exemplar", "--requirement", "MASK-01")
    assert ended.code == 0, ended.output
    assert not old.parent.exists()


def test_another_declaration_is_refused_and_the_report_is_unchanged(tmp_path: Path) -> None:
    adapter, file = faulty(tmp_path, "pass"), tmp_path / "out.jsonl"
    whole = run(tmp_path, "--adapter", str(adapter), "--requirement", "MASK-01")
    assert whole.report is not None
    write(Report(whole.report.header, whole.report.records[:3], None), file)
    text = file.read_bytes()
    adapter.write_text(adapter.read_text().replace("    def attach", "    homepage = 'https://x.y'\n    def attach"))
    ended = run(tmp_path, "--adapter", str(adapter), "--requirement", "MASK-01", "--resume")
    assert ended.code == 2, ended.output
    said = "sparsecheck: faulty is not the one in the interrupted run: faulty has another declaration"
    assert said in ended.output
    assert file.read_bytes() == text


BROKEN = "if max(p.shape[0] for p in model.parameters()) > 99: raise RuntimeError('broken on purpose')"
"""Code that fails one cell of MASK-01."""

EXPECTS = """
[[defect]]
id = "says-it-fails"
sparsifiers = ["faulty"]
requirements = ["MASK-01"]
layer = ["large"]
signatures = ["RuntimeError: broken on purpose"]
reason = "It is broken on purpose."
"""


@pytest.mark.parametrize(
    ("body", "expects", "then", "now_expects", "part"),
    [
        ("pass", None, BROKEN, None, "the adapter file"),
        (BROKEN, EXPECTS, "", None, "the expectation file"),
        (BROKEN, EXPECTS, "", EXPECTS + "# A comment.", "the expectation file"),
    ],
)
def test_a_finished_report_is_not_accepted_after_its_files_were_changed(
    tmp_path: Path, body: str, expects: str | None, then: str, now_expects: str | None, part: str
) -> None:
    adapter, expectations, file = faulty(tmp_path, body), tmp_path / "faulty.expectations.toml", tmp_path / "out.jsonl"
    if expects is not None:
        expectations.write_text(expects)
    asked = ("--adapter", str(adapter), "--requirement", "MASK-01")
    assert run(tmp_path, *asked).code == 0
    assert run(tmp_path, *asked, "--resume").code == 0, "nothing was changed"
    text = file.read_bytes()
    if then:
        faulty(tmp_path, then)
    expectations.unlink(missing_ok=True)
    if now_expects is not None:
        expectations.write_text(now_expects)
    ended = run(tmp_path, *asked, "--resume")
    assert ended.code == 2, ended.output
    assert f"faulty was judged with other files before: {part} (" in ended.output
    assert file.read_bytes() == text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--report", "no.jsonl"), "no.jsonl does not exist"),
        ((), "only a run with --report FILE can be resumed"),
        (("--report", "/dev/null"), "only a run with --report FILE can be resumed"),
        (("--report", "whole.jsonl"), "is also about it, which was not asked for"),
        (("--report", "other.jsonl"), "was judged by another catalogue"),
    ],
)
def test_a_run_that_cannot_be_resumed_gives_a_one_line_error(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    write(report(passed(cell()), sparsecheck=""), tmp_path / "whole.jsonl")
    write(report(passed(cell()), catalogue=99), tmp_path / "other.jsonl")
    command = [sys.executable, "-m", "sparsecheck", "run", "exemplar", "--resume", *arguments]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert said in ended.stderr
    assert sorted(one.name for one in tmp_path.iterdir()) == ["other.jsonl", "whole.jsonl"]
    assert read(tmp_path / "whole.jsonl").records == passed(cell())
