"""What judging costs beyond what is judged: `python -m tests.overhead 1000 10000`.

As many empty cases, of copies of the exemplar, as empty tests of a bare pytest that has imported torch, and with it
what an optimizer imports: seconds and memory of the whole process. Each copy is put to its smoke checks, too.
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

_ADAPTER = """
from sparsecheck.sparsifiers.exemplar import ExemplarAdapter

class Copy(ExemplarAdapter):
    pass
"""


@click.command()
@click.argument("cells", nargs=-1, required=True, type=int)
def main(cells: tuple[int, ...]) -> None:
    """Print a line for each number of CELLS, about: whole sparsifiers are judged."""
    for count in cells:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "pytest.ini").write_text("[pytest]\n", "utf-8")
            judged = _judged(folder, count)
            bare = _bare(folder, judged[2])
        seconds, memory = judged[0] / bare[0], judged[1] / bare[1]
        click.echo(
            f"{judged[2]} cells: {judged[0]:.1f} s and {judged[1]:.0f} MB; as many empty tests: {bare[0]:.1f} s and "
            f"{bare[1]:.0f} MB; {seconds:.2f} and {memory:.2f} times"
        )


def _judged(folder: Path, count: int) -> tuple[float, float, int]:
    cases = "".join(_CASE.format(id=one.id, name=one.id.replace("-", "_").lower()) for one in CATALOGUE)
    (folder / "test_cases.py").write_text(f"from sparsecheck.trials.case import case\n{cases}", "utf-8")
    each = _run(folder, "test_cases.py", _adapters(folder, 1))[2]
    return _run(folder, "test_cases.py", _adapters(folder, round(count / each)))


def _adapters(folder: Path, count: int) -> list[str]:
    files = [folder / f"copy_{number}.py" for number in range(count)]
    for file in files:
        file.write_text(_ADAPTER, "utf-8")
    named = [part for file in files for part in ("--sparsecheck-adapter", str(file))]
    return ["-p", "sparsecheck.plugin", "--sparsecheck-report", str(folder / "report.jsonl"), *named]


def _bare(folder: Path, count: int) -> tuple[float, float, int]:
    (folder / "test_bare.py").write_text(_TESTS.format(count=count), "utf-8")
    return _run(folder, "test_bare.py", ())


def _run(folder: Path, file: str, arguments: Sequence[str]) -> tuple[float, float, int]:
    """Seconds, MB, and how many passed."""
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
    return taken, used.ru_maxrss / 1024, int(passed[-1])


if __name__ == "__main__":
    main()
