"""Run a script in an interpreter without sparsecheck, and verify that it fails as its cell does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass

from ...process.guardian import guardian, temporary_folder
from ...process.interpreter import import_path
from ...programs.lives import NoProgram
from ...values.record import Record

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
        error: The type of the exception that ended it, or an empty string.
        last_line: The last line of its output.
    """

    code: int
    error: str
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
            return ScriptResult(124, "", f"it was still running after {limit:g} seconds")
    lines = ended.stderr.strip().splitlines()
    raised = [found for line in lines if (found := re.match(r"([\w.]*?)(\w+)(?:: (.*))?$", line))]
    _, error, _ = raised[-1].groups() if raised and "Traceback (most recent call last):" in lines else ("", "", "")
    shown = next((one.string for one in reversed(raised) if one[2] == error), lines[-1] if lines else "")
    return ScriptResult(ended.returncode, error, shown)


def verify(script: str, record: Record) -> None:
    """Run a script, and compare how it ends with the record of its cell.

    A violation is an `AssertionError` in the script; any other exception must be the one that the cell raised.

    Raises:
        NoProgram: The script does not fail, or fails differently than the cell.
    """
    result = run_script(script)
    if result.code != 1 or not result.error:
        ending = result.last_line or "it passes"
        raise NoProgram(f"the script for {record.cell} does not reproduce the failure: {ending}")
    if not is_symptom(result.error, record):
        raise NoProgram(f"the script for {record.cell} shows another failure: {result.last_line}")


def is_symptom(error: str, record: Record) -> bool:
    """Return whether an exception is how a script shows the failure of a record."""
    is_violation = re.match(r"[a-z][\w-]*(: |$)", record.signature) is not None
    named = error in f"{record.signature} {record.message}"
    return named or (error == "AssertionError" and is_violation)
