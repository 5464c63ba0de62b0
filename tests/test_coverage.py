"""`sparsecheck run --coverage` shows the lines that no cell executed, and changes no verdict."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sparsecheck.process import line_coverage
from sparsecheck.report.report import read

ADAPTER = """
from rounding import half_up
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

ATTACHED = []

class Adapter(ExemplarAdapter):
    distribution = ""

    def attach(self, model, plan, context):
        ATTACHED.append(half_up(0.5))
        if context.dtype is None:
            raise RuntimeError("no cell has this dtype")
        return super().attach(model, plan, context)

    def restore(self, dense_model, plan, saved, context):
        if not ATTACHED:
            first = "in a fresh interpreter"
        return super().restore(dense_model, plan, saved, context)
"""
HELPER = """
def half_up(value):
    return int(value + 0.5)

def half_down(value):
    if value < 0:
        return 0
    return -int(-value + 0.5)
"""


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    (tmp_path / "rounding.py").write_text(HELPER, "utf-8")
    file = tmp_path / "it.py"
    file.write_text(ADAPTER, "utf-8")
    return file


def _ended(command: list[str]) -> tuple[int, str]:
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
    return ended.returncode, ended.stdout + ended.stderr


def run(adapter: Path, *options: str) -> tuple[int, str]:
    """Judge the cells that restore in a fresh interpreter; return the exit code and the output."""
    command = [sys.executable, "-m", "sparsecheck", "run", "--adapter", str(adapter), "--requirement", "STATE-02"]
    return _ended([*command, *options])


@pytest.mark.cold  # the processes of a run are what is tested
def test_lines_that_no_cell_executed_are_shown(adapter: Path, tmp_path: Path) -> None:
    target = tmp_path / "lines.json"
    code, said = run(adapter, "--coverage", "--coverage-json", str(target))
    assert code == 0, said
    assert "  rounding.py: 3 of 6: 6-8" in said
    assert "  it.py: 1 of 14: 13" in said  # the line of restore that only a fresh interpreter executes is not missing
    found: dict[str, Any] = json.loads(target.read_text("utf-8"))
    assert {one["name"]: one["ranges"] for one in found["it"]["files"]} == {"it.py": "13", "rounding.py": "6-8"}


def test_workers_are_measured_and_no_record_changes(adapter: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "with.jsonl", tmp_path / "without.jsonl"
    code, said = run(adapter, "--coverage", "-n", "2", "--report", str(one))
    assert run(adapter, "--report", str(other))[0] == code == 0
    assert "  it.py: 1 of 14: 13" in said
    verdicts = [[(record.cell, record.verdict) for record in read(file).records] for file in (one, other)]
    assert sorted(verdicts[0]) == sorted(verdicts[1])


def test_a_run_without_it_ignores_the_variable(adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "nowhere"
    monkeypatch.setenv(line_coverage.VARIABLE, str(folder))
    code, said = run(adapter)
    assert code == 0, said
    assert not folder.exists()


def test_a_sparsifier_whose_process_left_nothing_is_named(tmp_path: Path) -> None:
    assert line_coverage.read(tmp_path) is None


def test_without_the_library_the_command_says_what_to_install(adapter: Path, tmp_path: Path) -> None:
    code = "import sys; sys.modules['coverage'] = None; from sparsecheck.__main__ import start; start()"
    command = [sys.executable, "-c", code, "run", "--adapter", str(adapter), "--coverage"]
    status, said = _ended(command)
    assert status == 2
    assert "--coverage needs coverage. Run pip install 'sparsecheck[coverage]'." in said
