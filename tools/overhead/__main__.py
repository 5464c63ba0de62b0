"""What judging costs beyond what is judged: `python -m tools.overhead 1000 10000`.

As many empty cases, of copies of the exemplar, judged by the pytest that `sparsecheck run` starts, as empty tests of a
bare pytest that has imported torch, and with it what an optimizer imports, both before anything is judged: seconds and
memory of the whole process. The smoke checks that each copy is put to first are torch's work; what they take is told
apart, and not counted as cost. Last, as many empty tests of a pytest that leaves out what ours leaves out.
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

_CASE = """
@case("{id}")
def test_{name}(trial):
    pass
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
    """seconds: of the whole process, less `smoke`, those of the smoke checks. memory: MB at most. passed: tests."""

    seconds: float
    memory: float
    passed: int
    smoke: float


@click.command()
@click.argument("cells", nargs=-1, required=True, type=int)
def main(cells: tuple[int, ...]) -> None:
    """Print a line for each number of CELLS, about: whole sparsifiers are judged."""
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
    (folder / "test_cases.py").write_text(f"from sparsecheck.trials.case_marker import case\n{cases}", "utf-8")
    (folder / "smoke_clock.py").write_text(_SMOKE, "utf-8")
    each = _run(folder, _judging(folder, 1)).passed
    return _run(folder, _judging(folder, round(count / each)))


def _judging(folder: Path, count: int) -> list[str]:
    """As `sparsecheck run` judges one, but all in one process."""
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
    said = child.stdout.read()
    _, _, used = os.wait4(child.pid, 0)
    taken = time.perf_counter() - start
    passed = re.findall(r"(\d+) passed", said)
    assert passed, said
    smoke = sum(map(float, re.findall(r"([\d.]+) s of smoke checks", said)))
    return Ran(taken - smoke, used.ru_maxrss / 1024, int(passed[-1]), smoke)


if __name__ == "__main__":
    main()
