"""What judging costs beyond what is judged: `python -m tests.overhead 1000 10000`.

As many empty cases, of copies of the exemplar, as empty tests of a bare pytest that has imported torch, and with it
what an optimizer imports, both before anything is judged: seconds and memory of the whole process. The smoke checks
that each copy is put to first are torch's work; what they take is told apart, and not counted as cost.
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

from sparsecheck.running.smoke_test import SmokeTest

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
from sparsecheck.sparsifiers.exemplar import ExemplarAdapter

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
            (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
            judged = _judged(folder, count)
            bare = _bare(folder, judged.passed)
        click.echo(
            f"{judged.passed} cells: {judged.seconds:.1f} s and {judged.memory:.0f} MB, beside "
            f"{judged.smoke:.1f} s of smoke checks; as many empty tests: {bare.seconds:.1f} s and "
            f"{bare.memory:.0f} MB; {judged.seconds / bare.seconds:.2f} and {judged.memory / bare.memory:.2f} times"
        )


def _judged(folder: Path, count: int) -> Ran:
    cases = "".join(_CASE.format(id=one.id, name=one.id.replace("-", "_").lower()) for one in CATALOGUE)
    (folder / "test_cases.py").write_text(f"from sparsecheck.trials.case import case\n{cases}", "utf-8")
    (folder / "smoke_clock.py").write_text(_SMOKE, "utf-8")
    each = _run(folder, "test_cases.py", _adapters(folder, 1)).passed
    return _run(folder, "test_cases.py", _adapters(folder, round(count / each)))


def _adapters(folder: Path, count: int) -> list[str]:
    files = [folder / f"copy_{number}.py" for number in range(count)]
    for file in files:
        file.write_text(_ADAPTER, "utf-8")
    named = [part for file in files for part in ("--sparsecheck-adapter", str(file))]
    plugins = ["-p", "smoke_clock", "-p", "sparsecheck.plugin"]
    return [*plugins, "--sparsecheck-report", str(folder / "report.jsonl"), *named]


def _bare(folder: Path, count: int) -> Ran:
    (folder / "test_bare.py").write_text(_TESTS.format(count=count), "utf-8")
    return _run(folder, "test_bare.py", ())


def _run(folder: Path, file: str, arguments: Sequence[str]) -> Ran:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_timeout", file, *arguments]
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
