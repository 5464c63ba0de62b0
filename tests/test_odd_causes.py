"""The cause is reported whatever an exception, a name, a folder or an argument does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from sparsecheck.report.lines import encode
from sparsecheck.report.report import Report, read, write
from sparsecheck.run.pytest_hooks import _report_without_traceback
from tests.samples import cell, passed, report


def test_a_deleted_current_folder_is_one_sentence(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    code = "import os, sys; os.rmdir(os.getcwd()); from sparsecheck.cli import main; main(['list'])"
    ended = subprocess.run([sys.executable, "-c", code], cwd=gone, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("sparsecheck: the current folder cannot be used (")
    assert len(ended.stderr.splitlines()) == 1


def test_arguments_that_pytest_does_not_know_are_bad_usage() -> None:
    command = [sys.executable, "-m", "sparsecheck", "run", "exemplar", "--pytest-args", "--no-such-option"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "pytest does not accept --pytest-args: unrecognized arguments: --no-such-option" in ended.stderr


def test_a_file_name_that_is_not_unicode_is_escaped_in_a_report(tmp_path: Path) -> None:
    of = report(passed(cell()))
    odd = replace(of.header.subjects[0], adapter=os.fsdecode(b"/a/\xff.py"))
    write(Report(replace(of.header, subjects=(odd,)), of.records, of.footer), tmp_path / "a.jsonl")
    assert read(tmp_path / "a.jsonl").header.subjects[0].adapter == r"/a/\udcff.py"


def test_text_that_is_unicode_is_encoded_as_before() -> None:
    header = report(passed(cell())).header
    assert encode(header) == msgspec.json.encode(header) + b"\n"


def test_a_case_whose_exception_cannot_be_shown_has_a_report(request: pytest.FixtureRequest) -> None:
    class Nameless(type):
        @property
        def __name__(cls) -> str:  # type: ignore[override]
            raise SystemExit(0)

    class Silent(Exception, metaclass=Nameless):
        def __str__(self) -> str:
            raise SystemExit(0)

    def fail() -> None:
        raise Silent

    call = pytest.CallInfo.from_call(fail, "call")
    shown = _report_without_traceback(request.node, call)
    assert shown.failed
    assert "cannot be shown" in str(shown.longrepr)
    assert isinstance(call.excinfo, pytest.ExceptionInfo)
    assert type(call.excinfo.value) is Silent
