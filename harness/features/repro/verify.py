"""Run a script in an interpreter without sparsecheck, and verify that it fails as its cell does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass

from ...process.guardian import guardian, temporary_folder
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
class ScriptResult:
    """The result of running a script.

    Attributes:
        code: The exit code.
        expected: The expectation that it printed, or an empty string.
        seen: The observation that it printed, or an empty string.
        last_line: The last line of its output.
    """

    code: int
    expected: str
    seen: str
    last_line: str


def run_script(script: str, limit: float = 300.0) -> ScriptResult:
    """Run a script in a new interpreter without sparsecheck, in an empty folder, for at most `limit` seconds."""
    with temporary_folder() as folder:
        file = folder / "reproducer.py"
        file.write_text(script, "utf-8")
        command = [sys.executable, "-I", "-c", _ALONE.format(path=import_path(), own=_OWN), str(file)]
        try:
            ended = subprocess.run(
                command, capture_output=True, text=True, check=False, cwd=folder, timeout=limit,
                env={**os.environ, **guardian().mark, "PYTHONHASHSEED": "0", "TMPDIR": str(folder)},
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            return ScriptResult(124, "", "", f"it was still running after {limit:g} seconds")
    [*_, last] = (ended.stdout + ended.stderr).strip().splitlines() or [""]
    return ScriptResult(ended.returncode, _line(ended.stdout, "expected"), _line(ended.stdout, "seen"), last)


def _line(output: str, word: str) -> str:
    found = re.search(rf"^{word}: (.+)$", output, re.MULTILINE)
    return found[1] if found else ""


def verify(script: str, record: Record) -> None:
    """Run a script and compare its failure with the record of its cell.

    Raises:
        NoReproducer: The script does not fail, or fails differently than the cell.
    """
    result = run_script(script)
    if result.code != 1 or not result.seen:
        raise NoReproducer(f"the script for {record.cell} does not reproduce the failure: {result.last_line}")
    if not is_symptom(result.seen, record):
        raise NoReproducer(f"the script for {record.cell} shows another failure: {result.seen}")


def is_symptom(seen: str, record: Record) -> bool:
    """Return whether the message of the record contains the observation."""
    return " ".join(recordable(seen).split()) in " ".join(record.message.split())
