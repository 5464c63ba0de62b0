"""Truncated, mixed up and forged reports: each is reported, finished verdicts are kept, and none passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from sparsecheck.adapter.own_code import own_digest, own_version
from sparsecheck.catalogue import CATALOGUE
from sparsecheck.report.ledger import enumerate_cells
from sparsecheck.report.lines import encode
from sparsecheck.report.reasons import exit_code
from sparsecheck.report.report import EmptyReport, InvalidReport, Report, read, read_partial, salvage
from sparsecheck.run import run_in_subprocesses as process
from sparsecheck.run.run_in_subprocesses import Run, judge_in_subprocesses
from sparsecheck.run.subprocesses import Children
from sparsecheck.values.record import Header, Line, Record, Verdict
from sparsecheck.values.selection import Selection
from tests.samples import cuts, declaration, environment, report

SELECTION = Selection(requirements=("MASK-04",))
CELLS = enumerate_cells(CATALOGUE, declaration(), SELECTION, environment())
PLANNED = tuple(one.cell.id for one in CELLS)
IDENTITY: dict[str, Any] = {"selection": SELECTION, "sparsecheck": own_version(), "code": own_digest()}
RECORD_OF = {True: Verdict.UNAVAILABLE, False: Verdict.PASSED}
WHOLE = report([Record(one.cell.id, RECORD_OF[bool(one.why)], reason=one.why) for one in CELLS], **IDENTITY)


def lines(one: Report = WHOLE) -> list[bytes]:
    assert one.footer is not None
    whole: tuple[Line, ...] = (one.header, *one.records, one.footer)
    return [encode(line) for line in whole]


HEADER, *RECORDS, FOOTER = lines()
OTHERS = RECORDS[1].replace(b"it:", b"other:")
OTHER_SUMS = "the counts in the footer of its report do not match its records"


def judged(monkeypatch: pytest.MonkeyPatch, left: Iterable[bytes]) -> Report:
    """Return the report of a run whose single child left these lines."""

    def leaves(self: Children, name: str, command: object, folder: Path, limit: float, *rest: Any) -> str:
        (folder / f"{name}.jsonl").write_bytes(b"".join(left))
        return ""

    monkeypatch.setattr(Children, "run", leaves)
    monkeypatch.setattr(process, "registrations", lambda files: ())
    return judge_in_subprocesses(Run(("it",), selection=SELECTION), print)


def interruption(one: Report) -> str:
    assert one.footer is not None
    return one.footer.interrupted


def test_complete_report_of_a_child_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert judged(monkeypatch, lines()) == WHOLE
    assert exit_code(WHOLE) == 0


def test_truncated_report_of_a_child_never_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"".join(lines())
    for length in cuts(text):
        one = judged(monkeypatch, [text[:length]])
        assert exit_code(one) == 3, f"cut at byte {length}"
        assert interruption(one).startswith("it: ")
        assert one.records == WHOLE.records[: max(text[:length].count(b"\n") - 1, 0)]


def test_a_report_cut_at_any_byte_is_invalid_or_partial(tmp_path: Path) -> None:
    text, file = b"".join(lines()), tmp_path / "report.jsonl"
    for length in cuts(text):
        file.write_bytes(text[:length])
        for reading in (read_partial, salvage):
            if b"\n" in text[:length]:
                assert exit_code(reading(file)) == 3, f"cut at byte {length}"
            else:
                with pytest.raises(EmptyReport):
                    reading(file)
        with pytest.raises(InvalidReport):
            read(file)


@pytest.mark.parametrize(
    ("left", "said"),
    [
        ([HEADER, RECORDS[0], b"all passed\n", *RECORDS[1:], FOOTER], "(line 3: JSON is malformed"),
        ([HEADER, RECORDS[0], b"\0" * 100_000 + b"\n", *RECORDS[1:], FOOTER], "(line 3: JSON is malformed"),
        ([HEADER, RECORDS[0], FOOTER, *RECORDS[1:], FOOTER], "(line 3: a header or footer among the records)"),
        ([HEADER, RECORDS[0], HEADER, *RECORDS[1:], FOOTER], "(line 3: a header or footer among the records)"),
        ([HEADER, RECORDS[0], OTHERS, *RECORDS[1:], FOOTER], "(line 3: a record of 'other'"),
        ([HEADER, *RECORDS, FOOTER, FOOTER], "a header or footer among the records"),
        ([HEADER, *RECORDS, FOOTER.replace(b'"selection"', b'"success"')], OTHER_SUMS),
        ([HEADER, *RECORDS, b'{"kind":"footer","outcomes":[]}\n'], OTHER_SUMS),
    ],
)
def test_garbage_between_records_loses_none_of_them(
    monkeypatch: pytest.MonkeyPatch, left: list[bytes], said: str
) -> None:
    one = judged(monkeypatch, left)
    assert exit_code(one) == 3
    assert one.records == WHOLE.records
    assert interruption(one).startswith("it: ")
    assert said in interruption(one)


@pytest.mark.parametrize("times", [0, 2])
def test_a_record_that_is_missing_or_doubled_does_not_balance(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    forged = report(WHOLE.records[:1] * times + WHOLE.records[1:], PLANNED, **IDENTITY)
    one = judged(monkeypatch, lines(forged))
    assert exit_code(one) == 3
    assert one.records == forged.records
    assert not one.balance(one.header.subjects[0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda header: replace(header, catalogue=99), "another sparsifier, selection or catalogue"),
        (lambda header: replace(header, selection=Selection()), "another sparsifier, selection or catalogue"),
        (lambda header: replace(header, subjects=()), "another sparsifier, selection or catalogue"),
        (lambda header: replace(header, subjects=header.subjects * 2), "another sparsifier, selection or catalogue"),
        (lambda header: replace(header, subjects=(replace(header.subjects[0], planned=PLANNED[:1]),)),
         "its planned cells are not those that the catalogue gives for its declaration"),
    ],
)
def test_report_of_another_run_is_rejected(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[Header], Header], said: str
) -> None:
    header = change(WHOLE.header)
    partial = Report(header, WHOLE.records[: len(header.subjects[0].planned) if header.subjects else 0], None)
    whole = replace(WHOLE.footer, outcomes=partial.outcomes()) if WHOLE.footer else None
    one = judged(monkeypatch, lines(Report(header, partial.records, whole)))
    assert exit_code(one) == 3
    assert said in one.header.subjects[0].problem


def test_child_without_a_report_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Children, "run", lambda *rest, **more: "exited with code 7")
    one = judge_in_subprocesses(Run(("it",), selection=SELECTION), print)
    assert exit_code(one) == 3
    assert one.header.subjects[0].problem == (
        "the process of it ended before it wrote a report. Its last output: nothing"
    )
