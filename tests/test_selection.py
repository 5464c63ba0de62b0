"""Selections: only selected cells are judged, others are not applicable, and a run without cells is never green."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sparsecheck.report.joining import join
from sparsecheck.report.reasons import exit_code
from sparsecheck.values.record import Record, Verdict
from sparsecheck.values.selection import Selection
from tests.faulty import faulty, run
from tests.samples import cell, passed, report

ONE = ("--requirement", "MASK-13")
"""A requirement on masks, of which a structural sparsifier has no cell."""

SELECTION = Selection(requirements=("MASK-13",))


def test_a_sparsifier_without_a_selected_cell_does_not_spoil_the_run(tmp_path: Path) -> None:
    ended = run(tmp_path, "exemplar", "exemplar-structural", *ONE)
    assert ended.code == 0, ended.output
    assert "exemplar-structural: NOT APPLICABLE: none of its cells is selected" in ended.output
    assert ended.report is not None
    assert {record.cell.partition(":")[0] for record in ended.report.records} == {"exemplar"}
    assert "exited with code" not in ended.output


def test_a_selection_that_applies_to_nothing_is_not_green(tmp_path: Path) -> None:
    ended = run(tmp_path, "exemplar-structural", *ONE)
    assert ended.code == 2, ended.output
    assert "NOT APPLICABLE" in ended.output


def test_a_required_sparsifier_must_have_a_selected_cell(tmp_path: Path) -> None:
    ended = run(tmp_path, "exemplar", "exemplar-structural", "--require", "exemplar-structural", *ONE)
    assert ended.code == 2, ended.output
    assert "required but not judged: exemplar-structural" in ended.output


def test_only_applicable_sparsifiers_decide_the_exit_code() -> None:
    green = report(passed(cell()), selection=SELECTION)
    nothing = report(selection=SELECTION, name="other")
    unavailable = report([Record(cell(), Verdict.UNAVAILABLE)], selection=SELECTION)
    failed = report([Record(cell(), Verdict.FAILED)], selection=SELECTION)
    assert [exit_code(join([one, nothing])) for one in (green, unavailable, failed)] == [0, 1, 1]
    assert exit_code(nothing) == 2


@pytest.mark.parametrize(
    ("wrong", "near"),
    [("MASK-01/liner/given/float32/cpu", "MASK-01/linear/given/float32/cpu"),
     ("MASK-06/linear/unstructured-05/float32/cpu", "MASK-06/linear/unstructured-0.5/float32/cpu"),
     ("MASK-01/linear/given/float33/cpu", "MASK-01/linear/given/float32/cpu")],
)
def test_a_misspelt_cell_suggests_the_nearest(tmp_path: Path, wrong: str, near: str) -> None:
    """Even beside one that exists, which would be judged and the other forgotten."""
    good = "exemplar:MASK-01/linear/given/float32/cpu"
    ended = run(tmp_path, "--cell", f"exemplar:{wrong}", "--cell", good)
    assert ended.code == 2, ended.output
    assert "no cell of exemplar is called" in ended.output
    assert f"exemplar:{near}" in ended.output


def test_a_cell_that_does_not_exist_is_named(tmp_path: Path) -> None:
    ended = run(tmp_path, "--cell", "exemplar-structural:MASK-13/linear/given/float32/cpu")
    assert ended.code == 2, ended.output
    assert "exemplar-structural has no cell of this requirement here" in ended.output


def plain(folder: Path, adapter: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Judge the adapter by pytest alone."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", "-q"]
    named = arguments if any("::" in one for one in arguments) else ("--pyargs", "sparsecheck.cases", *arguments)
    return subprocess.run(
        [*command, "--sparsecheck-adapter", str(adapter), *named], cwd=folder, capture_output=True, text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("body", "arguments", "code"),
    [
        ("pass", ("-k", "MASK-13"), 0), ("pass", ("-k", "MASK-13", "-n", "2"), 0), ("pass", ("-k", "no_such"), 2),
        ("raise RuntimeError", ("-k", "MASK-13"), 1), ("pass", ("-k", "MASK-13", "--sparsecheck-report", "r.jsonl"), 3),
    ],
    ids=["green", "xdist", "nothing", "red", "report"],
)
def test_the_exit_code_of_a_selection_in_plain_pytest_follows_what_ran(
    tmp_path: Path, body: str, arguments: tuple[str, ...], code: int
) -> None:
    ended = plain(tmp_path, faulty(tmp_path, body), *arguments)
    assert ended.returncode == code, ended.stdout
    assert "SUCCESS" not in ended.stdout


@pytest.mark.parametrize(
    ("option", "value", "near"),
    [("area", "MASKS", "'MASK'"), ("requirement", "MASK-6", "'MASK-06'"), ("cell", "x", "written sparsifier:")],
)
def test_plain_pytest_names_the_nearest_too(tmp_path: Path, option: str, value: str, near: str) -> None:
    ended = plain(tmp_path, faulty(tmp_path, "pass"), f"--sparsecheck-{option}", value)
    assert ended.returncode == 4
    assert near in ended.stderr


def test_a_node_id_is_a_selection_in_plain_pytest(tmp_path: Path) -> None:
    import sparsecheck.cases.test_mask as cases

    adapter = faulty(tmp_path, "pass")
    shown = plain(tmp_path, adapter, "--co", "-k", "MASK-13")
    [first, *_] = [line for line in shown.stdout.splitlines() if "MASK-13" in line]
    ended = plain(tmp_path, adapter, f"{cases.__file__}::{first.partition('::')[2]}")
    assert ended.returncode == 0, ended.stdout
    assert "1 passed" in ended.stdout
