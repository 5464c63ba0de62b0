"""`sparsecheck report` and `sparsecheck schema`: a report on the terminal, with the exit code of its run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from sparsecheck.catalogue import VERSION
from sparsecheck.cli import main
from sparsecheck.report.joining import join
from sparsecheck.report.report import Report, read, write
from tests.samples import cell, passed, report
from tests.test_report import CODES, FAILED, FOOTER, GREEN, HEADER, PROBLEM, RECORDS, WHOLE, lines, shorter, written


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "report.jsonl"


def shown(file: Path) -> Result:
    """`sparsecheck report FILE`."""
    result = CliRunner().invoke(main, ["report", str(file)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.mark.parametrize(("one", "code"), CODES)
def test_the_command_has_the_exit_code_of_the_run(file: Path, one: Report, code: int) -> None:
    write(one, file)
    assert shown(file).exit_code == code


def test_the_command_shows_the_verdicts(file: Path) -> None:
    write(WHOLE, file)
    output = shown(file).output
    for said in ("it: NOT CONFORMANT", "4 cells planned", "output differs at 3 of 8: größer, ≠", "It was so."):
        assert said in output


def test_the_command_never_accepts_a_cut_report(file: Path) -> None:
    for length, text in shorter():
        file.write_bytes(text)
        result = shown(file)
        assert result.exit_code == (3 if b"\n" in text else 2), f"cut at byte {length}: {result.output}"


def test_the_command_shows_several_reports_as_one_run(tmp_path: Path) -> None:
    lacking = [cell(name="other"), cell("MASK-02", name="other")]
    parts = {"green": GREEN, "red": report(passed(lacking[0]), lacking, name="other")}
    for name, one in parts.items():
        write(one, tmp_path / name)
    out = tmp_path / "together"
    result = CliRunner().invoke(main, ["report", *(str(tmp_path / name) for name in parts), "--report", str(out)])
    assert result.exit_code == 3, "one of them lacks a record"
    assert [subject.sparsifier for subject in read(out).header.subjects] == ["it", "other"]
    heads = {line.partition(" (")[0] for line in result.output.splitlines()}
    assert {"it: CONFORMANT with 1 known defect", "other: NOT CONFORMANT"} <= heads


def test_the_command_does_not_show_one_sparsifier_twice(file: Path) -> None:
    write(GREEN, file)
    result = CliRunner().invoke(main, ["report", str(file), str(file)])
    assert result.exit_code == 2
    assert result.output == "sparsecheck: it is in two of the reports\n"


def test_one_interrupted_report_makes_the_joined_report_interrupted(tmp_path: Path) -> None:
    write(report(passed(cell()), interrupted="it: a hang"), tmp_path / "cut")
    write(report(passed(cell(name="other")), name="other"), tmp_path / "other")
    result = CliRunner().invoke(main, ["report", str(tmp_path / "cut"), str(tmp_path / "other")])
    assert result.exit_code == 3
    assert "INTERRUPTED (it: a hang)" in result.output


def test_the_process_has_the_exit_code_of_the_command(file: Path) -> None:
    written(file, lines()[:-1])
    ended = subprocess.run(
        [sys.executable, "-m", "sparsecheck", "report", str(file)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 3
    assert "has no footer: it was cut short after 4 records. Run it again." in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_report_with_a_retired_requirement_is_shown(file: Path) -> None:
    gone = replace(FAILED, cell=cell("GONE-01"))
    write(report([gone], catalogue=1, requirements={"GONE-01": 1}), file)
    result = shown(file)
    assert result.exit_code == 1
    assert "failed: GONE-01\n" in result.output
    assert f"Judged by catalogue 1; this sparsecheck has catalogue {VERSION}." in result.output
    assert "(not in this catalogue): GONE-01" in result.output


def test_a_report_of_this_catalogue_leaves_nothing_out(file: Path) -> None:
    write(WHOLE, file)
    assert "catalogue" not in shown(file).output


@pytest.fixture(scope="module")
def printed_schema() -> jsonschema.Draft202012Validator:
    """Return the output of `sparsecheck schema`."""
    printed = json.loads(CliRunner().invoke(main, ["schema"]).output)
    jsonschema.Draft202012Validator.check_schema(printed)
    return jsonschema.Draft202012Validator(printed)


def test_the_schema_accepts_every_line_of_a_report(printed_schema: jsonschema.Draft202012Validator) -> None:
    for one in (WHOLE, GREEN, PROBLEM, join([WHOLE, PROBLEM], interrupted="by the user")):
        for line in lines(one):
            printed_schema.validate(json.loads(line))


@pytest.mark.parametrize(
    "line",
    [
        b"{}", b'"passed"', RECORDS[0].replace(b'"passed"', b'"fine"'), RECORDS[0].replace(b'"cell"', b'"cells"', 1),
        RECORDS[0].replace(b'"verdict"', b'"verdicts"'), RECORDS[3].replace(b'"package"', b'"nobody"'),
        HEADER.replace(b'"started"', b'"begun"'), HEADER.replace(b'"half-even"', b'"half-odd"'),
        FOOTER.replace(b'"outcomes"', b'"sums"'), FOOTER.replace(b'"red"', b'"triumph"'),
        FOOTER.replace(b'"balanced":true', b'"balanced":1'),
    ],
)
def test_the_schema_rejects_invalid_lines(line: bytes, printed_schema: jsonschema.Draft202012Validator) -> None:
    assert line not in lines()
    with pytest.raises(jsonschema.ValidationError):
        printed_schema.validate(json.loads(line))
