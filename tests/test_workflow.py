"""The workflow that docs/ci offers is one: a linter takes it, and its gate runs as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sparsecheck.report.report import Report, write
from sparsecheck.values.record import Record, Verdict
from tests.samples import cell, passed, report

TEXT = (Path(__file__).parent.parent / "docs" / "ci" / "sparsecheck.yml").read_text("utf-8")
RED = report([Record(cell(), Verdict.FAILED, "aliased: a"), *passed(cell("MASK-02"))])


def linted(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    file = folder / "workflow.yml"
    file.write_text(text, "utf-8")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_linter_takes_it(tmp_path: Path) -> None:
    ended = linted(tmp_path, TEXT)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("piece", "broken"),
    [
        ("    runs-on: ubuntu-latest\n", ""), ("    steps:", "    step:"), ("contents: read", "contents: some"),
        ("  pull_request:", "  pull_requests:"), ("        run: pip", "        runs: pip"), ("jobs:", "jobs: ["),
    ],
)
def test_the_linter_refuses_a_broken_one(tmp_path: Path, piece: str, broken: str) -> None:
    assert piece in TEXT
    assert linted(tmp_path, TEXT.replace(piece, broken, 1)).returncode == 1


def step(name: str) -> str:
    """Return the command of one step."""
    found = re.search(rf"- name: {name}\n(?:        if: .*\n)?        run: (.+)\n", TEXT)
    assert found is not None
    return found[1]


def shell(folder: Path, command: str) -> int:
    """Its exit code, run as GitHub would."""
    variables = dict(re.findall(r"^      ([A-Z]+): (\S+)$", TEXT, re.MULTILINE))
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    place = {**os.environ, **variables, "PATH": path, "GITHUB_STEP_SUMMARY": str(folder / "shown.md")}
    ended = subprocess.run(["bash", "-e", "-c", command], cwd=folder, env=place, capture_output=True, check=False)
    return ended.returncode


@pytest.mark.parametrize(("baseline", "code"), [(RED, 0), (report(passed(cell(), cell("MASK-02"))), 1)])
def test_its_gate_and_its_page_run(tmp_path: Path, baseline: Report, code: int) -> None:
    write(baseline, tmp_path / "sparsecheck-baseline.jsonl")
    write(RED, tmp_path / "report.jsonl")
    assert shell(tmp_path, step("Gate")) == code
    assert shell(tmp_path, step("Show")) == 0
    assert "sparsecheck gate" in (tmp_path / "shown.md").read_text("utf-8")
    assert (tmp_path / "junit.xml").exists()


@pytest.mark.parametrize(("exit", "code"), [(0, 0), (1, 0), (2, 1), (3, 1)])
def test_only_red_cells_are_left_to_the_gate(tmp_path: Path, exit: int, code: int) -> None:
    judged, _, otherwise = step("Judge").partition(" || ")
    assert judged == 'sparsecheck run "$SPARSIFIER" --require "$SPARSIFIER" --report report.jsonl'
    assert shell(tmp_path, f"(exit {exit}) || {otherwise}") == code
