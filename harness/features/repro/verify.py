"""No script is handed out that has not been seen to fail as its cell does, in an interpreter without this package."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ...process.interpreter import import_path
from ...report.verdict import recordable
from ...values.record import Record
from .script import NoReproducer

_OWN = __name__.partition(".")[0]
_ALONE = (
    "import sys; sys.path[:] = {path!r}; import runpy; "
    "sys.modules[{own!r}] = None; runpy.run_path(sys.argv[1], run_name='__main__')"
)


@dataclass(frozen=True)
class Tried:
    """How a script ended. expected, seen: what it printed of them; empty if it did not. said: its last line."""

    code: int
    expected: str
    seen: str
    said: str


def tried(script: str, limit: float = 300.0) -> Tried:
    """Run a script in a clean interpreter, in an empty folder."""
    with tempfile.TemporaryDirectory(prefix="sparsecheck-") as folder:
        file = Path(folder) / "reproducer.py"
        file.write_text(script, "utf-8")
        command = [sys.executable, "-I", "-c", _ALONE.format(path=import_path(), own=_OWN), str(file)]
        try:
            ended = subprocess.run(
                command, capture_output=True, text=True, check=False, cwd=folder, timeout=limit,
                env={**os.environ, "PYTHONHASHSEED": "0"}, stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            return Tried(124, "", "", f"it had not ended after {limit:g} seconds")
    [*_, last] = (ended.stdout + ended.stderr).strip().splitlines() or [""]
    return Tried(ended.returncode, _line(ended.stdout, "expected"), _line(ended.stdout, "seen"), last)


def _line(output: str, word: str) -> str:
    found = re.search(rf"^{word}: (.+)$", output, re.MULTILINE)
    return found[1] if found else ""


def check(script: str, record: Record) -> None:
    """Run it, and hold what it shows against the record.

    Raises:
        NoReproducer: it does not fail, or otherwise than the cell.
    """
    ended = tried(script)
    if ended.code != 1 or not ended.seen:
        raise NoReproducer(f"the script that was written for {record.cell} does not show what fails: {ended.said}")
    if not is_symptom(ended.seen, record):
        raise NoReproducer(f"the script that was written for {record.cell} shows another failure: {ended.seen}")


def is_symptom(seen: str, record: Record) -> bool:
    """Whether the record says the same of the cell."""
    return " ".join(recordable(seen).split()) in " ".join(record.message.split())
