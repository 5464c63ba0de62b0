"""`sparsecheck expect`: write expectations that make a red run green, and delete those of fixed defects."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sparsecheck.catalogue import revisions
from sparsecheck.report.report import write
from sparsecheck.values.selection import Selection
from tests.faulty import Ended, faulty, run
from tests.samples import cell, passed, report

BREAKS = "[module for module in model.modules() if type(module) is torch.nn.Conv2d] and (_ for _ in ()).throw({})"
BROKEN = BREAKS.format("RuntimeError('no 3 rows in layer conv1')")
SELECTION = ("--requirement", "MASK-01", "--requirement", "MASK-02")


def expect(folder: Path, *arguments: str) -> Ended:
    """`sparsecheck expect` on the report that `run` wrote."""
    command = [sys.executable, "-m", "sparsecheck", "expect", "out.jsonl", *arguments]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, env=os.environ)
    return Ended(ended.returncode, ended.stdout + ended.stderr, None)


def test_from_red_to_known_to_fixed(tmp_path: Path) -> None:
    file = tmp_path / "faulty.expectations.toml"
    adapter = ("--adapter", str(faulty(tmp_path, BROKEN)))
    assert run(tmp_path, *adapter, *SELECTION).code == 1

    shown = expect(tmp_path, *adapter)
    assert (shown.code, file.exists()) == (0, False)
    assert f"{file} was not written; add --write to do so" in shown.output

    assert expect(tmp_path, *adapter, "--write").code == 0
    text = file.read_text("utf-8")
    assert text in shown.output
    assert text.count("[[defect]]") == 1, "one entry for one cause"
    assert 'requirements = ["MASK-01", "MASK-02"]' in text
    assert r'signatures = ["RuntimeError: no \\d+ rows in layer conv1"]' in text

    unexplained = run(tmp_path, *adapter, *SELECTION)
    assert unexplained.code == 2
    assert "entry 1 (runtimeerror-mask-01): the reason is still UNEXPLAINED; say in a" in unexplained.output

    file.write_text("# Ours.\n\n" + text.replace("UNEXPLAINED: say why", "It cannot count."), "utf-8")
    assert run(tmp_path, *adapter, *SELECTION).code == 0
    unchanged = expect(tmp_path, *adapter, "--write")
    assert "needs no change" in unchanged.output

    faulty(tmp_path, "pass")
    assert run(tmp_path, *adapter, *SELECTION).code == 1
    fixed = expect(tmp_path, *adapter, "--write")
    assert "deleted: runtimeerror-mask-01: RuntimeError" in fixed.output
    assert file.read_text("utf-8") == "# Ours.\n"
    assert run(tmp_path, *adapter, *SELECTION).code == 0


@pytest.mark.parametrize(
    ("selection", "code", "said"),
    [(Selection(cells=(cell(),)), 2, "out.jsonl is the report of a run with --cell")],
)
def test_a_report_of_single_cells_is_refused(
    tmp_path: Path, selection: Selection, code: int, said: str
) -> None:
    write(report(passed(cell()), selection=selection), tmp_path / "out.jsonl")
    ended = expect(tmp_path)
    assert ended.code == code
    assert ended.output.startswith(f"sparsecheck: {said}")


def test_requirements_at_another_revision_are_left_out_by_name(tmp_path: Path) -> None:
    write(report(passed(cell()), requirements={**revisions(), "MASK-01": 7}), tmp_path / "out.jsonl")
    assert "(meaning changed: revision 7 there, 1 here): MASK-01" in expect(tmp_path).output


def test_a_report_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    write(report(passed(cell())), file)
    file.write_bytes(file.read_bytes()[:-1].rpartition(b"\n")[0] + b"\n")
    ended = expect(tmp_path)
    assert ended.code == 3
    assert "no footer" in ended.output


def test_a_report_with_unjudged_cells_is_refused(tmp_path: Path) -> None:
    write(report(passed(cell()), [cell(), cell("MASK-02")]), tmp_path / "out.jsonl")
    ended = expect(tmp_path)
    assert ended.code == 3
    assert "the plan and the records of it differ: 1 never judged" in ended.output


def test_a_sparsifier_that_the_report_is_not_about_is_refused(tmp_path: Path) -> None:
    write(report(passed(cell())), tmp_path / "out.jsonl")
    ended = expect(tmp_path, "--sparsifier", "exemplar")
    assert ended.code == 2
    assert "no sparsifier of this report is called 'exemplar'. Known names: it." in ended.output


def test_a_sparsifier_that_could_not_be_judged_is_refused(tmp_path: Path) -> None:
    write(report(planned=(), problem="it does not import"), tmp_path / "out.jsonl")
    ended = expect(tmp_path)
    assert ended.code == 2
    assert "it was not judged: it does not import" in ended.output


def test_sparsifiers_of_two_files_are_refused(tmp_path: Path) -> None:
    adapters = [part for name in ("one", "two") for part in ("--adapter", str(faulty(tmp_path, "pass", name)))]
    assert run(tmp_path, *adapters, "--requirement", "REG-05").code == 0
    ended = expect(tmp_path, *adapters)
    assert ended.code == 2
    assert "several expectation files" in ended.output
    assert "Name the sparsifiers of one file with --sparsifier." in ended.output


def test_an_unreadable_file_is_left_unchanged(tmp_path: Path) -> None:
    adapter = ("--adapter", str(faulty(tmp_path, BROKEN)))
    assert run(tmp_path, *adapter, *SELECTION).code == 1
    file = tmp_path / "faulty.expectations.toml"
    file.write_text("[[known]\n", "utf-8")
    ended = expect(tmp_path, *adapter, "--write")
    assert ended.code == 2
    assert f"{file}: it is not TOML" in ended.output
    assert file.read_text("utf-8") == "[[known]\n"
