"""Mutation testing, `python -m tools.mutation [MODULE ...]` such as `oracle/units`: print the survivors as a page."""

from __future__ import annotations

import argparse
import ast
import gc
import importlib
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from .mutants import Mutant, mutants
from .page import Explanations, complaints, page
from .trying import LIMIT, ROOT, Only, Watch, ended, file_of, fork, run

MODULES = (
    "oracle/units", "oracle/forward", "oracle/ranking", "report/ledger", "report/verdict", "report/expectation",
    "report/expectation_file", "features/expect/rewriting", "oracle/compare", "report/report",
    "features/expect/proposal", "oracle/plans",
    "oracle/channels", "oracle/tolerance", "oracle/random_numbers", "values/selection", "values/record",
    "values/pattern", "values/plan", "values/contract", "values/capability", "values/cell",
    "catalogue/axes", "show/summary",
    "oracle/reference_tensors", "oracle/tensor_changes",
)
TESTS = [
    f"tests/test_{name}.py" for name in (
        "values", "frozen", "random_numbers", "oracle", "channels", "ranking", "compare", "plans", "proposal",
        "expectation_reading", "rewriting", "ledger", "summary", "verdict", "report", "report_writing",
        "attack_reports", "attack_writing", "docs", "reference", "expectation",
    )
]
_HEAVY = ("torch.nn.utils.prune", "numpy", "jsonschema", "msgspec", "safetensors", "click.testing")
"""Modules that the tests import: once here instead of once in every fork."""

Seen = dict[str, tuple[float, list[tuple[str, int]]]]


def main() -> int:
    """Return 0 if every survivor is explained, every explanation has one, and no module is below the floor."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutation", description=__doc__)
    parser.add_argument("-j", type=int, default=os.cpu_count() or 1, help="number of mutants to try at the same time")
    parser.add_argument("module", nargs="*", default=MODULES)
    asked = parser.parse_args()
    for name in _HEAVY:
        importlib.import_module(name)
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        survived = tried(asked.module, asked.j, Path(folder))
    explanations = Explanations(Path(__file__).with_name("survivors.toml"))
    print(*page(survived, explanations), sep="\n")
    wrong = [*complaints(survived, explanations)]
    print(*wrong, sep="\n", file=sys.stderr)
    return 1 if wrong else 0


def tried(modules: Sequence[str], jobs: int, folder: Path) -> dict[str, bool]:
    """Return whether each mutant survived, by name."""
    seen = watched(folder)
    gc.freeze()
    gc.disable()
    calls = {}
    for module in modules:
        for mutant in mutants(module, file_of(module).read_text("utf-8")):
            calls[str(mutant)] = partial(trial, mutant, _concerned(mutant, seen), folder)
    survived = dict.fromkeys(calls, False)
    for number, (name, code) in enumerate(ended(calls, jobs), 1):
        survived[name] = code == 0
        if code == 0:
            print(f"{number} of {len(calls)} survives: {name}", file=sys.stderr, flush=True)
    return survived


def watched(folder: Path) -> Seen:
    """Return the functions that each test enters in the unchanged modules; exit if a test fails."""
    trees = {module: ast.parse(file_of(module).read_text("utf-8")) for module in MODULES}
    result = folder / "seen.json"
    pid = fork(lambda: run(trees, TESTS, Watch(MODULES, result), folder / "unchanged"), 10 * LIMIT)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0:
        sys.exit(f"without any mutant the tests are red: pytest {' '.join(TESTS)}")
    seen: Seen = json.loads(result.read_text("utf-8"))
    return seen


def _concerned(mutant: Mutant, seen: Seen) -> list[str]:
    """Return the tests that enter the mutant's function, fastest first.

    For a mutant outside any function, these are the tests that enter its module, or whose file imports it.
    """
    def enters(test: str, entered: Sequence[tuple[str, int]]) -> bool:
        if mutant.lines:
            return any(module == mutant.module and line in mutant.lines for module, line in entered)
        return any(module == mutant.module for module, _ in entered) or test.partition("::")[0] in importing
    importing = set() if mutant.lines else {test for test in TESTS if _imports(test, mutant.module)}
    return [test for _, test in sorted((time, test) for test, (time, entered) in seen.items() if enters(test, entered))]


def trial(mutant: Mutant, tests: Sequence[str], folder: Path) -> int:
    """Return the exit code of the tests with the mutant; 0 if there are none."""
    if not tests:
        return 0
    files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
    return run({mutant.module: mutant.tree}, files, Only(tests), folder / str(os.getpid()))


def _imports(test: str, module: str) -> bool:
    return f"from sparsecheck.{module.replace('/', '.')} import" in Path(test).read_text("utf-8")


if __name__ == "__main__":
    sys.exit(main())
