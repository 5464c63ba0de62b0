"""Measure the cost of a cell beyond its case: `python -m tools.overhead 1000 10000`.

Compares the time and memory of two processes: the pytest that `sparsecheck run` starts, judging N empty cases of copies
of the exemplar; and a bare pytest that runs N empty tests, after importing torch and the modules that an optimizer
imports. The smoke checks of each copy are torch's work; their time is shown separately and not counted as cost. A third
process runs N empty tests without pytest's logging plugin, which `sparsecheck run` disables.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click

from sparsecheck.catalogue import CATALOGUE
from sparsecheck.run.subprocesses import pytest_command

_TESTS = """
import pytest, torch, torch._dynamo

@pytest.mark.parametrize("number", range({count}))
def test_empty(number):
    pass
"""

_IMPORTS = """
from sparsecheck.trials.case_marker import case
from sparsecheck.values.comparisons import note
"""

_CASE = """
@case("{id}", compares="nothing")
def test_{name}(trial):
    note("nothing")
"""

_SMOKE = """
import atexit
import time

import torch._dynamo

from sparsecheck.run.smoke_test import SmokeTest

stop, taken = SmokeTest.stop, [0.0]

def timed(self, planned):
    start = time.perf_counter()
    try:
        stop(self, planned)
    finally:
        taken[0] += time.perf_counter() - start

SmokeTest.stop = timed
atexit.register(lambda: print(f"{taken[0]:.3f} s of smoke checks"))
"""

_ADAPTER = """
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

class Copy(ExemplarAdapter):
    pass
"""


class Ran(NamedTuple):
    """The measurements of one process.

    Attributes:
        seconds: The seconds of the whole process, without those of the smoke checks.
        memory: The peak memory in MB.
        passed: The number of passed tests.
        smoke: The seconds of the smoke checks.
    """

    seconds: float
    memory: float
    passed: int
    smoke: float


@click.command()
@click.argument("cells", nargs=-1, required=True, type=int)
def main(cells: tuple[int, ...]) -> None:
    """Print a line for each number of CELLS, rounded to whole sparsifiers."""
    for count in cells:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            judged = _judged(folder, count)
            bare = _bare(folder, judged.passed)
            lean = _bare(folder, judged.passed, "-p", "no:logging")
        click.echo(
            f"{judged.passed} cells: {judged.seconds:.1f} s and {judged.memory:.0f} MB, beside "
            f"{judged.smoke:.1f} s of smoke checks; as many empty tests: {bare.seconds:.1f} s and "
            f"{bare.memory:.0f} MB; {judged.seconds / bare.seconds:.2f} and {judged.memory / bare.memory:.2f} times; "
            f"without pytest's own logging: {lean.seconds:.1f} s; {judged.seconds / lean.seconds:.2f} times"
        )


def _judged(folder: Path, count: int) -> Ran:
    cases = "".join(_CASE.format(id=one.id, name=one.id.replace("-", "_").lower()) for one in CATALOGUE)
    (folder / "test_cases.py").write_text(f"{_IMPORTS}{cases}", "utf-8")
    (folder / "smoke_clock.py").write_text(_SMOKE, "utf-8")
    sys.path.insert(0, str(folder))  # children import what this process can, and not what lies in their folder
    each = _run(folder, _judging(folder, 1)).passed
    return _run(folder, _judging(folder, round(count / each)))


def _judging(folder: Path, count: int) -> list[str]:
    """Return the command by which `sparsecheck run` judges a sparsifier, for all copies in one process."""
    files = [folder / f"copy_{number}.py" for number in range(count)]
    for file in files:
        file.write_text(_ADAPTER, "utf-8")
    names = [file.stem.replace("_", "-") for file in files]
    command = pytest_command(folder, "test_cases.py", "sparsecheck.plugin")
    command += [part for name in names for part in ("--sparsecheck-subject", name)]
    command += [part for file in files for part in ("--sparsecheck-adapter", str(file))]
    return [*command, "-p", "smoke_clock", "-p", "pytest_timeout", "--sparsecheck-report", str(folder / "report.jsonl")]


def _bare(folder: Path, count: int, *options: str) -> Ran:
    (folder / "test_bare.py").write_text(_TESTS.format(count=count), "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_timeout"]
    return _run(folder, [*command, *options, "test_bare.py"])


def _run(folder: Path, command: Sequence[str]) -> Ran:
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "OMP_NUM_THREADS": "1"}
    start = time.perf_counter()
    child = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    output = child.stdout.read()
    _, _, used = os.wait4(child.pid, 0)
    taken = time.perf_counter() - start
    passed = re.findall(r"(\d+) passed", output)
    assert passed, output
    smoke = sum(map(float, re.findall(r"([\d.]+) s of smoke checks", output)))
    return Ran(taken - smoke, used.ru_maxrss / 1024, int(passed[-1]), smoke)


if __name__ == "__main__":
    main()
