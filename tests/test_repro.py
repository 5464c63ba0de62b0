"""`sparsecheck repro`: scripts fail as their cells do, without sparsecheck, until the failure is fixed."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
import torch

from sparsecheck import Adapter, catalogue
from sparsecheck.adapter.discovery import find, load
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.features.repro.script import Failing, script
from sparsecheck.features.repro.verify import is_symptom, run_script, verify
from sparsecheck.process.environment import here
from sparsecheck.process.guard import Guard
from sparsecheck.programs.format_code import WIDTH, wrap_line
from sparsecheck.programs.lives import LIVES, WHY, NoProgram, life_of, program_of
from sparsecheck.programs.script import compose
from sparsecheck.programs.script_lines import ScriptLines
from sparsecheck.programs.walk_script import walk_script
from sparsecheck.report.ledger import Planned, enumerate_cells
from sparsecheck.run.run_in_subprocesses import Run, judge_in_subprocesses
from sparsecheck.trials.refusal import words_for
from sparsecheck.trials.trial import Trial
from sparsecheck.values.cell import Cell
from sparsecheck.values.program_json import from_json, to_json
from sparsecheck.values.record import Record, Verdict
from sparsecheck.values.selection import Selection
from tests.bench_of_one import judge, planned
from tests.conditional.all import CONDITIONALS
from tests.miniatures.all import MINIATURES
from tests.variants.all import VARIANTS

MASK = [one.id for one in catalogue.CATALOGUE if "mask" in one.profiles]
AO, PRUNE = "torch-ao-weight-norm-l1", "torch-prune-l1-unstructured"
TORCH = (
    f"{AO}:MASK-24/linear/unstructured-0.3/float32/cpu", f"{AO}:REG-09/linear/unstructured-0.5/float32/cpu",
    f"{AO}:STATE-11/linear/unstructured-0.5/float32/cpu", f"{PRUNE}:STATE-14/linear/unstructured-0.5/float32/cpu",
)
PASSES = "exemplar:MASK-01/linear/given/float32/cpu"


def text_of(adapter: Adapter, cell: Cell) -> str:
    """Return the script of a cell for any adapter of its declaration, which it takes as a variable."""
    trial = Trial(cell, adapter)
    life, words = life_of(trial), words_for(trial, trial.lacking)
    return compose(ScriptLines(program_of(trial, life), life.items, trial.contract, words, life.forgives), None)


def run(text: str, adapter: Adapter) -> Exception | None:
    """Return the exception by which a script ends."""
    module = ModuleType("reproducer")
    vars(module)["adapter"] = adapter
    sys.modules["reproducer"] = module
    try:
        with Guard().keep(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(text, "reproducer", "exec"), vars(module))
    except Exception as error:
        return error
    finally:
        del sys.modules["reproducer"]
        torch._dynamo.reset()
    return None


def cells(adapter: Adapter, id: str) -> Iterator[Planned]:
    """Yield the cells of a requirement on the CPU."""
    chosen = planned(adapter, [catalogue.requirement(id)])
    yield from (one for one in chosen if one.cell.device == "cpu" and one.disposition != "unavailable")


def fails_alike(adapter: Adapter, id: str) -> bool:
    """Return whether the script of a failing cell shows its failure."""
    for one in cells(adapter, id):
        record = judge(adapter, one)
        if record.verdict is Verdict.FAILED:
            try:
                error = run(text_of(adapter, one.cell), adapter)
            except NoProgram:
                continue
            if error is not None and is_symptom(type(error).__name__, record):
                return True
    return False


@pytest.mark.parametrize("id", LIVES)
def test_a_script_fails_on_a_broken_sparsifier(id: str) -> None:
    broken = [one.adapter for one in MINIATURES if one.requirement == id and one.adapter.profile == "mask"]
    assert any(fails_alike(adapter(), id) for adapter in broken)


@cache
def correct(id: str) -> tuple[Adapter, Planned] | None:
    """Return a correct sparsifier with a cell of a requirement."""
    for make in (ExemplarAdapter, *VARIANTS.values()):
        adapter = make()
        if adapter.profile == "mask" and (one := next(cells(adapter, id), None)):
            return adapter, one
    return None


@pytest.mark.parametrize("id", [*LIVES][::2])
def test_a_script_passes_on_a_correct_sparsifier(id: str) -> None:
    found = correct(id)
    if found is None:
        pytest.skip("no correct variant declares it")
    adapter, one = found
    assert run(text_of(adapter, one.cell), adapter) is None


def test_a_cell_is_a_program_that_json_holds() -> None:
    for id in ("MASK-08", "MASK-14", "REG-21", "TRAIN-06"):
        trial = Trial(next(cells(ExemplarAdapter(), id)).cell, ExemplarAdapter())
        program = program_of(trial, life_of(trial))
        assert from_json(to_json(program), "it") == program


def expressible(ids: Iterable[str]) -> list[str]:
    """Return the requirements of `ids` whose cells are programs; those of WALK are programs themselves."""
    return [id for id in ids if id in LIVES or (id.startswith("WALK-") and id not in WHY)]


def test_most_requirements_are_programs_and_the_others_say_why() -> None:
    assert {*LIVES, *WHY} <= set(MASK)
    assert not set(LIVES) & set(WHY)
    assert {*expressible(MASK), *WHY} == set(MASK)
    share = f"{len(expressible(MASK))} of the {len(MASK)} requirements"
    assert len(expressible(MASK)) >= 0.6 * len(MASK)
    assert share in (Path(__file__).parents[1] / "docs" / "adapters.md").read_text("utf-8"), share


@pytest.mark.parametrize("id", ["MASK-28", "PROCESS-02", "REG-10", "DEVICE-01"])
def test_a_cell_that_is_no_program_says_why(id: str) -> None:
    cell = Cell.parse(f"it:{id}/linear/given/float32/cpu")
    with pytest.raises(NoProgram, match=f"there is no script for {cell.id}: .+") as raised:
        life_of(Trial(cell, ExemplarAdapter()))
    assert raised.value.hint == f"Run `sparsecheck run --cell {cell.id}` to see it fail."


# ----------------------------------------------------------------- programs of the corpus

WALKS = ("KeepsTies", "MakesGroupsOnce", "SqueezesOneOutput", "UnfreezesAtANewLevel", "FinalizesByPrefix")


def scripts(adapter: Adapter) -> Iterator[tuple[str, Record]]:
    """Yield the scripts of the programs that fail, with their records."""
    for one in cells(adapter, "WALK-01"):
        record = judge(adapter, one)
        if record.verdict is Verdict.FAILED:
            with suppress(NoProgram):
                kind = record.signature.partition(":")[0]
                lines, ending = walk_script(Trial(one.cell, adapter), kind, record.message)
                yield compose(lines, None, ending), record


@pytest.mark.parametrize("name", WALKS)
def test_the_script_of_a_program_fails_as_it_does(name: str) -> None:
    adapter = next(one.adapter for one in CONDITIONALS if one.name == name)()
    text, record = next(scripts(adapter))
    assert run(text, ExemplarAdapter()) is None
    error = run(text, adapter)
    assert error is not None
    assert is_symptom(type(error).__name__, record)


# ----------------------------------------------------------------- the command


def failing(id: str, record: Record | None = None) -> Failing:
    found = load(find(id.partition(":")[0]))
    [one] = enumerate_cells(catalogue.CATALOGUE, found.declaration, Selection(cells=(id,)), here())
    return Failing(one, found, record or Record(id, Verdict.FAILED), here())


@cache
def record_of(id: str) -> Record:
    """Return the record of one of the cells above, judged in one run for each sparsifier."""
    sparsifier = id.partition(":")[0]
    mine = tuple(cell for cell in TORCH if cell.startswith(f"{sparsifier}:"))
    report = judge_in_subprocesses(Run((sparsifier,), selection=Selection(cells=mine)), lambda line: None)
    return next(record for record in report.records if record.cell == id)


@pytest.mark.parametrize("id", TORCH)
def test_a_script_needs_torch_alone_and_names_its_cell(id: str) -> None:
    record = record_of(id)
    text = script(failing(id, record))
    verify(text, record)
    assert {name.partition(".")[0] for name in imported(text)} <= {*sys.stdlib_module_names, "torch", "numpy"}
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


def test_a_script_exits_0_once_it_is_fixed() -> None:
    ended = run_script(script(failing(PASSES)))
    assert (ended.code, ended.error) == (0, ""), ended


def test_a_script_with_another_failure_is_rejected() -> None:
    id = TORCH[-1]
    other = Record(id, Verdict.FAILED, "ValueError: something else", "raised ValueError: something else")
    with pytest.raises(NoProgram, match="shows another failure: RuntimeError: Only Tensors"):
        verify(script(failing(id)), other)
    with pytest.raises(NoProgram, match="does not reproduce the failure: it passes"):
        verify("1", other)


def test_an_assertion_stands_for_a_violation_alone() -> None:
    assert is_symptom("AssertionError", Record("", Verdict.FAILED, "mask-differs: mask of a", "mask of a"))
    assert not is_symptom("AssertionError", Record("", Verdict.FAILED, "TypeError: no", "raised TypeError: no"))
    assert is_symptom("TypeError", Record("", Verdict.FAILED, "TypeError: no", "raised TypeError: no"))


def repro(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sparsecheck", "repro", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, env=os.environ)


def test_output_writes_a_script(tmp_path: Path) -> None:
    ended = repro(TORCH[-1], "--output", "it.py", folder=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert TORCH[-1] in (tmp_path / "it.py").read_text("utf-8")


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


@pytest.mark.parametrize("line", ["f(" + ", ".join(["'a, (b'"] * 30) + ")", "x = [" + "1, " * 90 + "1]", "short = 1"])
def test_a_wrapped_line_is_the_same_code(line: str) -> None:
    lines = wrap_line(f"    {line}")
    assert max(map(len, lines)) <= WIDTH
    assert ast.dump(ast.parse("if 1:\n" + "\n".join(lines))) == ast.dump(ast.parse(f"if 1:\n    {line}"))
