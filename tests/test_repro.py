"""`sparsecheck repro`: scripts fail as their cells do, without sparsecheck, until the failure is fixed."""

from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from sparsecheck import catalogue
from sparsecheck.adapter.discovery import find, load, registrations
from sparsecheck.features.repro.format_code import WIDTH, wrap_line
from sparsecheck.features.repro.script import Failing, NoReproducer, script
from sparsecheck.features.repro.verify import is_symptom, run_script, verify
from sparsecheck.process.environment import here
from sparsecheck.report.ledger import enumerate_cells
from sparsecheck.run.run_in_subprocesses import Run, judge_in_subprocesses
from sparsecheck.values.cell import Cell
from sparsecheck.values.record import Record, Verdict
from sparsecheck.values.selection import Selection

AO, PRUNE = "torch-ao-weight-norm-l1", "torch-prune-l1-unstructured"
TORCH = (
    f"{AO}:REFUSE-02/conv1d/unstructured-0.5/float32/cpu", f"{AO}:MASK-01/linear/unstructured-0.5/bfloat16/cpu",
    f"{AO}:MASK-24/linear/unstructured-0.3/float32/cpu", f"{AO}:REG-09/linear/unstructured-0.5/float32/cpu",
    f"{AO}:STATE-03/linear/unstructured-0.5/float32/cpu", f"{AO}:STATE-06/linear/unstructured-0.5/float32/cpu",
    f"{AO}:STATE-07/linear/unstructured-0.5/float32/cpu", f"{AO}:STATE-08/linear/unstructured-0.5/float32/cpu",
    f"{AO}:STATE-10/linear/unstructured-0.5/float32/cpu", f"{AO}:STATE-11/linear/unstructured-0.5/float32/cpu",
    f"{PRUNE}:MASK-01/strided/unstructured-0.5/float32/cpu", f"{PRUNE}:MASK-24/linear/unstructured-0.3/float32/cpu",
    f"{PRUNE}:REFUSE-06/tied/unstructured-0.5/float32/cpu", f"{PRUNE}:STATE-14/linear/unstructured-0.5/float32/cpu",
    "torch-ao-fake-sparsity:MASK-21/linear/given/float32/cpu", "torch-ao-fake-sparsity:REG-08/linear/given/float32/cpu",
    "torch-prune-custom-from-mask:REG-11/linear/given/float32/cpu",
    "torch-ao-nearly-diagonal:STATE-05/linear/band-3/float32/cpu", f"{AO}:MASK-35/linear/block2x2-0.3/float32/cpu",
)
OTHERS = (
    "nncf-magnitude:MASK-01/sequential/unstructured-0.5/float32/cpu",
    "nncf-magnitude:MASK-05/linear/unstructured-0/float32/cpu",
    "nncf-magnitude:MASK-14/mixed/unstructured-0.5/float32/cpu",
    "nncf-magnitude:MASK-22/linear/unstructured-0.5/float32/cpu",
    "nncf-magnitude:REG-13/linear/unstructured-0.5/float32/cpu",
    "lightning-model-pruning:PROCESS-01/linear/unstructured-0.5/float32/cpu",
    "lightning-model-pruning:REG-19/linear/unstructured-0.5/float32/cpu",
    "modelopt-magnitude:REG-07/linear/2of4/float32/cpu", "modelopt-magnitude:REG-22/linear/2of4/float32/cpu",
    "torch-pruning-magnitude:STRUCT-11/linear/channel0-0.5/float32/cpu",
    "torch-pruning-magnitude:STRUCT-12/linear/channel0-0.5/float32/cpu",
)
PASSES = "exemplar:MASK-01/linear/given/float32/cpu"


def cells() -> Iterator[str]:
    """Yield the cells whose package is installed."""
    there = {one.name for one in registrations() if not one.lacking}
    yield from (cell for cell in (*TORCH, *OTHERS) if cell.partition(":")[0] in there)


@cache
def records(sparsifier: str) -> dict[str, Record]:
    """Return the records of the cells above, judged in one run."""
    mine = tuple(cell for cell in cells() if cell.startswith(f"{sparsifier}:"))
    report = judge_in_subprocesses(Run((sparsifier,), selection=Selection(cells=mine)), lambda line: None)
    return {record.cell: record for record in report.records}


def failing(id: str, record: Record | None = None, adapter: Path | None = None) -> Failing:
    found = load(find(id.partition(":")[0], [adapter] if adapter else []))
    [planned] = enumerate_cells(catalogue.CATALOGUE, found.declaration, Selection(cells=(id,)), here())
    return Failing(planned, found, record or Record(id, Verdict.FAILED), here())


@pytest.mark.parametrize("id", tuple(cells()))
def test_a_script_fails_as_its_cell_does(id: str) -> None:
    record = records(id.partition(":")[0])[id]
    assert record.verdict is Verdict.KNOWN
    text = script(failing(id, record))
    verify(text, record)
    modules = {name.partition(".")[0] for name in imported(text)}
    package = {"torch", "nncf", "lightning", "modelopt", "torch_pruning"}
    assert modules <= {*sys.stdlib_module_names, *package}, modules
    assert text == script(failing(id, record))
    sentence = catalogue.requirement(Cell.parse(id).requirement).sentence
    assert sentence in " ".join(text.replace("\n#", "").split())
    assert id in text


def imported(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


FIXED = {
    *("MASK-01/strided", "MASK-02/linear", "MASK-05/linear", "MASK-06/linear", "MASK-08/linear", "MASK-12/linear"),
    *("MASK-14/mixed", "PROCESS-01/linear", "MASK-21/linear", "MASK-22/linear", "MASK-24/linear", "MASK-25/linear"),
    *("REG-07/linear", "REG-08/linear", "REG-09/linear", "REG-11/linear", "REG-13/linear", "REG-16/linear"),
    *("REG-19/linear", "STATE-03/linear", "STATE-05/linear", "STATE-06/linear", "STATE-07/linear", "STATE-08/linear"),
    *("STATE-09/linear", "STATE-10/linear", "STATE-11/linear", "STATE-14/linear", "STATE-17/linear", "TRACE-10/short"),
    *("STRUCT-11/linear", "STRUCT-12/linear", "MASK-35/linear"),
}


@pytest.mark.parametrize("start", sorted(FIXED))
def test_a_script_exits_0_for_a_correct_sparsifier(start: str) -> None:
    found = load(find("exemplar-structural" if start.startswith("STRUCT") else "exemplar"))
    planned = enumerate_cells(catalogue.CATALOGUE, found.declaration, Selection(), here())
    first = next(one for one in planned if one.cell.axes.startswith(start))
    message = "the list of replaced functions of torch" if start.startswith("PROCESS-01") else ""
    ended = run_script(script(failing(first.cell.id, Record(first.cell.id, Verdict.FAILED, message=message))))
    assert (ended.code, ended.seen) == (0, ""), ended


REFUSES = """
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

class Own(ExemplarAdapter):
    supported = ExemplarAdapter.supported.replace("tied ", "")
    unsupported = "tied"

    def attach(self, model, plan, context):
        if len(list(model.parameters())) < len(list(model.named_parameters(remove_duplicate=False))):
            raise ValueError("a weight is shared")
        return super().attach(model, plan, context)
"""


@pytest.mark.parametrize(("said", "code"), [("a weight is shared", 0), ("no", 1)])
def test_a_refusal_must_name_the_unsupported_capability(said: str, code: int, tmp_path: Path) -> None:
    file = tmp_path / f"own{code}.py"
    file.write_text(REFUSES.replace("a weight is shared", said), "utf-8")
    ended = run_script(script(failing(f"own{code}:REFUSE-06/tied/given/float32/cpu", adapter=file)))
    assert ended.code == code, ended
    assert ended.seen == ("" if code == 0 else "ValueError: no")


def test_a_script_with_another_failure_is_rejected() -> None:
    record = records(PRUNE)[TORCH[10]]
    text = script(failing(TORCH[10], record))
    other = Record(record.cell, Verdict.FAILED, message="raised RuntimeError: something else")
    with pytest.raises(NoReproducer, match="shows another failure: RuntimeError: view size"):
        verify(text, other)
    with pytest.raises(NoReproducer, match="does not reproduce the failure: SyntaxError"):
        verify("this is no Python", record)
    assert is_symptom("RuntimeError: at 0x7f0000000000", Record("", Verdict.FAILED, message="RuntimeError: at 0x..."))


def repro(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sparsecheck", "repro", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, env=os.environ)


def test_output_writes_the_script_that_stdout_would_show(tmp_path: Path) -> None:
    cell = TORCH[13]
    shown = repro(cell, folder=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert repro(cell, "--output", "it.py", folder=tmp_path).stdout == ""
    assert (tmp_path / "it.py").read_text("utf-8") == shown.stdout


@pytest.mark.parametrize(("arguments", "says"), [
    ((PASSES,), f"{PASSES} does not fail, so there is nothing to reproduce: passed"),
    (("exemplar",), "'exemplar' is not a cell"),
    (("nobody:MASK-01/linear/given/float32/cpu",), "no sparsifier is called 'nobody'"),
    (("exemplar:MASK-99/linear/given/float32/cpu",), "MASK-99"),
    (("exemplar:MASK-01/linear/given/float32/moon",), "is not planned for exemplar"),
    ((PASSES, "--output", "nowhere/it.py"), "nowhere/it.py cannot be written (No such file or directory)"),
])
def test_cells_that_cannot_be_reproduced_give_a_one_line_error(
    arguments: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    ended = repro(*arguments, folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    [line] = ended.stderr.splitlines()
    assert says in line


def test_a_requirement_without_a_check_has_no_reproducer() -> None:
    id = "exemplar:REG-04/linear/given/float32/cpu"
    with pytest.raises(NoReproducer, match="no reproducer for REG-04 yet"):
        script(failing(id, Record(id, Verdict.FAILED, "identity-lost: it is gone", "it is gone")))


@pytest.mark.parametrize("line", ["f(" + ", ".join(["'a, (b'"] * 30) + ")", "x = [" + "1, " * 90 + "1]", "short = 1"])
def test_a_wrapped_line_is_the_same_code(line: str) -> None:
    lines = wrap_line(f"    {line}")
    assert max(map(len, lines)) <= WIDTH
    assert ast.dump(ast.parse("if 1:\n" + "\n".join(lines))) == ast.dump(ast.parse(f"if 1:\n    {line}"))


def test_every_torch_cell_is_tested() -> None:
    assert importlib.util.find_spec("torch") is not None
    assert len(set(cells()) & set(TORCH)) == len(TORCH)
