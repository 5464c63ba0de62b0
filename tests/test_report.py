"""An incomplete or damaged report is rejected with its own error, and results are computed from the records."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from sparsecheck.report.joining import join
from sparsecheck.report.lines import encode
from sparsecheck.report.reasons import exit_code
from sparsecheck.report.report import (
    DamagedReport,
    EmptyReport,
    FooterDisagrees,
    InvalidLine,
    InvalidReport,
    MissingReport,
    Report,
    ReportMismatch,
    TruncatedReport,
    UnreadableReport,
    read,
    read_partial,
    salvage,
    write,
)
from sparsecheck.values.record import Footer, Line, Record, Verdict
from sparsecheck.values.selection import Selection
from tests.samples import cell, cuts, passed, report

FAILED = Record(
    cell("MASK-02"), Verdict.FAILED, "output-differs: at 3 of 8", "output differs at 3 of 8: größer, ≠", seconds=0.25
)
KNOWN = Record(cell("MASK-03"), Verdict.KNOWN, "aliased: a", "a shares storage", reason="It was so.", link="https://x.y")
REFUSED = Record(cell("MASK-04"), Verdict.REFUSED, refused_by="package")
WHOLE = report([*passed(cell()), FAILED, KNOWN, REFUSED])


def lines(one: Report = WHOLE) -> list[bytes]:
    """Return the lines of a report, each with its newline."""
    assert one.footer is not None
    whole: tuple[Line, ...] = (one.header, *one.records, one.footer)
    return [encode(line) for line in whole]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "report.jsonl"


def written(file: Path, content: list[bytes]) -> Path:
    file.write_bytes(b"".join(content))
    return file


def test_a_written_report_is_read_back(file: Path) -> None:
    write(WHOLE, file)
    assert read(file) == WHOLE
    assert file.read_bytes() == b"".join(lines())


def test_every_line_of_a_report_is_one_json_value(file: Path) -> None:
    record = replace(FAILED, message="first\nsecond")
    write(report([record]), file)
    assert file.read_bytes().count(b"\n") == 3
    assert read(file).records == (record,)


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """Return a complete report, compressed by gzip."""
    file = tmp_path / "report.jsonl.gz"
    write(WHOLE, file)
    return file


def test_a_compressed_report_is_read_back(packed: Path) -> None:
    assert read(packed) == WHOLE
    assert gzip.decompress(packed.read_bytes()) == b"".join(lines())


def test_compressed_bytes_do_not_depend_on_time_or_name(packed: Path) -> None:
    other = packed.with_name("other.jsonl.gz")
    write(WHOLE, other)
    assert packed.read_bytes() == other.read_bytes()
    assert packed.read_bytes()[3:8] == bytes(5)


def test_a_compressed_report_cut_at_any_byte_is_never_complete(packed: Path) -> None:
    whole = packed.read_bytes()
    for length in range(2, len(whole)):
        packed.write_bytes(whole[:length])
        with pytest.raises(TruncatedReport, match=r"report\.jsonl\.gz ends in the middle"):
            read(packed)
    for content, kind in ((b"", EmptyReport), (whole[:1], DamagedReport)):
        packed.write_bytes(content)
        with pytest.raises(kind):
            read(packed)


def test_a_damaged_compressed_report_is_refused_in_one_sentence(packed: Path) -> None:
    whole = packed.read_bytes()
    for place in range(10, len(whole)):
        packed.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        with pytest.raises((DamagedReport, TruncatedReport), match=r"^\S+report\.jsonl\.gz [^\n]+$"):
            read(packed)


@pytest.mark.parametrize("content", [b"".join(lines()), b"PK\x03\x04"])
def test_an_uncompressed_file_named_gz_is_damaged(packed: Path, content: bytes) -> None:
    packed.write_bytes(content)
    with pytest.raises(DamagedReport, match="is not valid gzip data"):
        read(packed)


def shorter() -> Iterator[tuple[int, bytes]]:
    """Yield the text of the report, cut to shorter ones."""
    text = b"".join(lines())
    return ((length, text[:length]) for length in cuts(text))


def test_a_report_cut_at_any_byte_is_never_complete(file: Path) -> None:
    for length, text in shorter():
        file.write_bytes(text)
        expected = TruncatedReport if b"\n" in text else EmptyReport
        with pytest.raises(InvalidReport) as raised:
            read(file)
        assert type(raised.value) is expected, f"cut at byte {length}"
        assert str(file) in str(raised.value)


def test_a_file_without_a_header_is_not_salvaged(file: Path) -> None:
    with pytest.raises(InvalidLine, match=r"report\.jsonl:1: JSON is malformed"):
        salvage(written(file, [b"all passed\n", *lines()]))


def test_records_before_the_cut_can_be_read(file: Path) -> None:
    for length, text in shorter():
        if b"\n" in text:
            file.write_bytes(text)
            partial = read_partial(file)
            assert partial.records == WHOLE.records[: text.count(b"\n") - 1], f"cut at byte {length}"
            assert partial.footer is None


def test_a_record_belongs_to_its_sparsifier_whatever_its_device() -> None:
    one = report(passed("it:MASK-01/linear/given/float32/cuda:0"))
    assert one.of("it") == one.records
    assert exit_code(one) == 0


def test_a_truncated_report_is_unbalanced_and_never_successful(file: Path) -> None:
    written(file, lines(report(passed(cell())))[:1])
    partial = read_partial(file)
    assert exit_code(partial) == 3
    assert [outcome.result for outcome in partial.outcomes()] == ["red"]


HEADER, *RECORDS, FOOTER = lines()
[SUBJECT] = WHOLE.header.subjects


@pytest.mark.parametrize(
    ("content", "number", "said"),
    [
        ([HEADER, b"not JSON\n", FOOTER], 2, "malformed"),
        ([HEADER, b"\n", FOOTER], 2, "truncated"),
        ([HEADER, b"\xff\xfe\n", FOOTER], 2, "malformed"),
        ([HEADER, b"[]\n", FOOTER], 2, "Expected `object`"),
        ([HEADER, b'{"kind":"other"}\n', FOOTER], 2, "Invalid value 'other'"),
        ([HEADER, b'{"cell":"x","verdict":"passed"}\n', FOOTER], 2, "missing required field `kind`"),
        ([HEADER, b'{"kind":"cell","cell":"x"}\n', FOOTER], 2, "missing required field `verdict`"),
        ([HEADER, b'{"kind":"cell","cell":"x","verdict":"fine"}\n', FOOTER], 2, "Invalid enum value 'fine'"),
        ([HEADER, *RECORDS[:2], b"{\n", FOOTER], 4, "truncated"),
        ([b"\n", HEADER, FOOTER], 1, "truncated"),
        ([RECORDS[0], FOOTER], 1, "begins with its header"),
        ([FOOTER], 1, "begins with its header"),
        ([HEADER, RECORDS[0], HEADER, FOOTER], 3, "a header or footer among the records"),
        ([HEADER, FOOTER, *RECORDS], 2, "a header or footer among the records"),
        ([HEADER, *RECORDS, FOOTER, FOOTER], 6, "a header or footer among the records"),
        ([HEADER, RECORDS[0].replace(b"it:MASK-01/linear", b"it:linear"), FOOTER], 2, "'it:linear/given/f"),
        ([HEADER, RECORDS[0].replace(b"it:", b"other:"), FOOTER], 2, "'other', which the header does not name"),
        ([HEADER.replace(b'"format":2', b'"format":3'), FOOTER], 1, "format 3; this sparsecheck reads formats 1 and 2"),
        *(([encode(replace(WHOLE.header, subjects=(replace(SUBJECT, **lost),))), FOOTER], 1,
           "it has neither a declaration nor a problem")
          for lost in ({"declaration": None}, {"environment": None}, {"declaration": None, "environment": None})),
    ],
)
def test_an_invalid_line_is_named_by_its_number(file: Path, content: list[bytes], number: int, said: str) -> None:
    with pytest.raises(InvalidLine) as raised:
        read(written(file, content))
    assert str(raised.value).startswith(f"{file}:{number}: ")
    assert said in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"\x00", HEADER[:-1], b"PASSED 12 of 12"])
def test_a_file_without_lines_is_an_empty_report(file: Path, content: bytes) -> None:
    with pytest.raises(EmptyReport, match="no header"):
        read(written(file, [content]))


def test_a_missing_file_and_a_folder_have_their_own_errors(file: Path) -> None:
    with pytest.raises(MissingReport, match="there is no report"):
        read(file)
    file.mkdir()
    with pytest.raises(UnreadableReport, match="Is a directory"):
        read(file)


@pytest.mark.parametrize("position", range(len(RECORDS)))
@pytest.mark.parametrize("times", [0, 2])
def test_a_dropped_or_duplicated_record_contradicts_the_footer(file: Path, position: int, times: int) -> None:
    content = [record for at, record in enumerate(RECORDS) for _ in range(times if at == position else 1)]
    with pytest.raises(FooterDisagrees, match="the footer contradicts the"):
        read(written(file, [HEADER, *content, FOOTER]))


@pytest.mark.parametrize("position", range(len(RECORDS)))
def test_a_changed_verdict_contradicts_the_footer_or_its_own_record(file: Path, position: int) -> None:
    record = WHOLE.records[position]
    other = Verdict.PASSED if record.verdict is not Verdict.PASSED else Verdict.FAILED
    content = list(RECORDS)
    content[position] = encode(replace(record, verdict=other))
    with pytest.raises((FooterDisagrees, InvalidLine)):
        read(written(file, [HEADER, *content, FOOTER]))


@pytest.mark.parametrize(
    "change", [{"result": "success"}, {"counts": {"passed": 4}}, {"planned": 3}, {"balanced": False}]
)
def test_a_changed_footer_contradicts_the_records(file: Path, change: dict[str, object]) -> None:
    assert WHOLE.footer is not None
    footer = Footer((replace(WHOLE.footer.outcomes[0], **change),))
    with pytest.raises(FooterDisagrees):
        read(written(file, [HEADER, *RECORDS, encode(footer)]))


@pytest.mark.parametrize("outcomes", [0, 2])
def test_a_footer_about_other_sparsifiers_contradicts_the_records(file: Path, outcomes: int) -> None:
    assert WHOLE.footer is not None
    with pytest.raises(FooterDisagrees):
        read(written(file, [HEADER, *RECORDS, encode(Footer(WHOLE.footer.outcomes * outcomes))]))


@pytest.mark.parametrize(
    ("id", "selection", "result"),
    [
        ("MASK-01", Selection(), "green"),
        ("MASK-03", Selection(), "green"),
        ("MASK-03", Selection(("MASK",)), "selection"),
    ],
)
def test_the_result_depends_on_the_selection(id: str, selection: Selection, result: str) -> None:
    refused = Record(cell(id), Verdict.REFUSED, refused_by="adapter")
    one = report([*passed(cell("MASK-02")), refused], selection=selection)
    assert [outcome.result for outcome in one.outcomes()] == [result]


def test_the_levels_are_those_of_the_catalogue_that_the_report_was_judged_by() -> None:
    refused = Record(cell(), Verdict.REFUSED, refused_by="adapter")
    [outcome] = report([*passed(cell("MASK-02")), refused, Record(cell("MASK-03"), Verdict.KNOWN)]).outcomes()
    assert outcome.core is not None
    assert outcome.extended is not None
    assert (outcome.core.conformance, outcome.core.judged) == ("conformant", 1)
    assert (outcome.extended.conformance, outcome.extended.judged) == ("conformant with known defects", 1)
    [older] = report(passed(cell()), requirements={"MASK-01": 1, "MASK-02": 1, "MASK-03": 1}).outcomes()
    assert older.core is not None
    assert (older.core.judged, older.core.applicable) == (1, 2)


def test_joined_reports_keep_every_sparsifier_unchanged() -> None:
    other = report(passed(cell(name="other")), name="other", started="2025-12-31T00:00:00+00:00")
    joined = join([WHOLE, other])
    assert [subject.sparsifier for subject in joined.header.subjects] == ["it", "other"]
    assert joined.of("it") == WHOLE.records
    assert joined.of("other") == other.records
    assert joined.header.started == "2025-12-31T00:00:00+00:00"
    assert joined.footer == Footer(WHOLE.outcomes() + other.outcomes())


def test_a_joined_report_can_be_written_and_read(file: Path) -> None:
    joined = join([WHOLE, report(passed(cell(name="other")), name="other")], interrupted="by the user")
    write(joined, file)
    assert read(file) == joined
    assert joined.footer is not None
    assert joined.footer.interrupted == "by the user"


def test_joining_one_report_returns_it_unchanged() -> None:
    assert join([WHOLE]) == WHOLE


def test_a_joined_report_has_the_sparsecheck_version_of_the_first() -> None:
    older = report(passed(cell(name="other")), name="other", sparsecheck="0.1")
    assert join([report(passed(cell()), sparsecheck="0.2"), older]).header.sparsecheck == "0.2"


def test_joined_reports_without_a_start_have_no_start() -> None:
    broken = [report(name=name, problem="no report", started="") for name in ("a", "b")]
    assert join(broken).header.started == ""


def test_a_sparsifier_in_two_reports_is_named() -> None:
    many = join([report(passed(cell(name=name)), name=name) for name in "dbeacf"])
    with pytest.raises(ReportMismatch, match=r"^a is in two of the reports$"):
        join([many, many])


def test_a_report_without_a_start_does_not_hide_the_others_start() -> None:
    assert join([WHOLE, report(name="broken", problem="no report", started="")]).header.started == WHOLE.header.started


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (report(passed(cell(name="other")), name="other", catalogue="older"), "by different catalogues"),
        (report(passed(cell(name="other")), name="other", selection=Selection(("MASK",))), "have different selections"),
        (report(passed(cell("MASK-05"))), "it is in two of the reports"),
    ],
)
def test_reports_that_do_not_match_are_not_joined(other: Report, said: str) -> None:
    with pytest.raises(ReportMismatch, match=said):
        join([WHOLE, other])


GREEN = report([*passed(cell()), KNOWN, REFUSED, Record(cell("MASK-06"), Verdict.UNAVAILABLE)])
PROBLEM = report(name="broken", problem="does not import")
OTHER = cell(name="other")
CODES = [
    pytest.param(report(passed(cell())), 0, id="all passed"),
    pytest.param(GREEN, 0, id="nothing red"),
    pytest.param(report(passed(cell()), selection=Selection(("MASK",))), 0, id="all of a selection passed"),
    *(pytest.param(report([*passed(cell()), replace(FAILED, verdict=verdict)]), 1, id=verdict.value)
      for verdict in (Verdict.FAILED, Verdict.STALE, Verdict.ERROR)),
    pytest.param(PROBLEM, 2, id="could not be judged"),
    pytest.param(join([GREEN, PROBLEM]), 2, id="one of two could not be judged"),
    pytest.param(join([WHOLE, PROBLEM]), 2, id="one red, one not judged"),
    pytest.param(report(), 2, id="nothing planned"),
    pytest.param(join([GREEN, report(name="other")]), 1, id="nothing planned of one of two"),
    pytest.param(join([GREEN, report([replace(FAILED, cell=OTHER)], name="other")]), 1, id="one of two red"),
    pytest.param(join([GREEN, report(planned=[OTHER], name="other")]), 3, id="one of two never judged"),
    pytest.param(report(passed(cell()), planned=[cell(), cell("MASK-02")]), 3, id="one never judged"),
    pytest.param(report(passed(cell(), cell()), planned=[cell()]), 3, id="one judged twice"),
    pytest.param(report(passed(cell(), cell("MASK-02")), planned=[cell()]), 3, id="one not planned"),
    pytest.param(report([FAILED], planned=[FAILED.cell, cell()]), 3, id="red and unbalanced"),
    pytest.param(report(passed(cell()), interrupted="by the user"), 3, id="interrupted"),
    pytest.param(join([GREEN, PROBLEM], interrupted="by the user"), 3, id="interrupted and not judged"),
]


def test_an_unavailable_sparsifier_is_not_green_alone_and_harmless_among_others() -> None:
    elsewhere = report([Record(cell(name="there"), Verdict.UNAVAILABLE, reason="no cuda device here")], name="there")
    assert [one.result for one in elsewhere.outcomes()] == ["unavailable"]
    assert exit_code(elsewhere) == 1
    assert exit_code(join([elsewhere, report(passed(cell()))])) == 0


@pytest.mark.parametrize(("one", "code"), CODES)
def test_exit_code_of_a_report(one: Report, code: int) -> None:
    assert exit_code(one) == code


def test_a_missing_footer_never_agrees() -> None:
    assert GREEN.agrees
    assert not Report(GREEN.header, GREEN.records, None).agrees


def test_without_a_footer_there_is_no_balance() -> None:
    assert exit_code(Report(GREEN.header, GREEN.records, None)) == 3
