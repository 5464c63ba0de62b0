"""Settings changed between cells are reported if an earlier cell's thread did it, and not if a user's fixture did."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sparsecheck.report.report import read_partial
from sparsecheck.values.record import Verdict

_MASK, _REG = "sparsecheck.cases.test_mask", "sparsecheck.cases.test_reg"

_AS_THE_SECOND_BEGINS = """
import numpy as np

begun = []

def pytest_runtest_logstart(nodeid):
    begun.append(nodeid)
    if len(begun) == 2:
        np.seterr(all="ignore")
"""
_AROUND_THE_SECOND = """
import numpy as np
import pytest

begun = []

@pytest.fixture(autouse=True)
def _no_complaints():
    begun.append(1)
    with np.errstate(all="ignore" if len(begun) == 2 else "warn"):
        yield
"""
_BETWEEN = """
import numpy as np

def test_of_the_users_own_that_sets_something():
    np.seterr(all="ignore")
"""


def _judged(folder: Path, plugin: str, *files: str) -> list[tuple[Verdict, str]]:
    (folder / "plugin.py").write_text(plugin, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "--pyargs", *files, "--rootdir", str(folder), *_OPTIONS]
    plain = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(folder)}
    subprocess.run(command, cwd=folder, env={**os.environ, **plain}, capture_output=True, check=False, timeout=300)
    records = [(record.verdict, record.message) for record in read_partial(folder / "out.jsonl").records]
    return [record for record in records if record[0] is not Verdict.UNAVAILABLE]


_OPTIONS = (
    "-p", "no:cacheprovider", "-p", "pytest_timeout", "-p", "sparsecheck.plugin", "-p", "plugin",
    "--sparsecheck-report", "out.jsonl", "--sparsecheck-subject", "exemplar",
    "--sparsecheck-requirement", "MASK-04", "--sparsecheck-requirement", "REG-05",
)
_GREEN = (Verdict.PASSED, "")


def test_change_by_a_thread_of_an_earlier_cell_is_reported_and_restored(tmp_path: Path) -> None:
    first, second, third, *_ = _judged(tmp_path, _AS_THE_SECOND_BEGINS, _MASK)
    assert first == third == _GREEN
    assert second[0] is Verdict.FAILED
    assert second[1].startswith("the case changed the NumPy error handling: divide to 'ignore', expected 'warn'")


def test_user_fixture_can_change_settings(tmp_path: Path) -> None:
    assert _judged(tmp_path, _AROUND_THE_SECOND, _MASK) == [_GREEN] * 3


def test_user_test_can_leave_settings_changed(tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text(_BETWEEN, "utf-8")
    assert _judged(tmp_path, "", _MASK, "test_own.py", _REG) == [_GREEN] * 4
