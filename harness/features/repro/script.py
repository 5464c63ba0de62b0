"""Write the script of one failing cell: a header, the adapter's code, the program, and the check that fails."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from ...adapter.discovery import Found
from ...catalogue import requirement
from ...programs.inlining import CannotInline
from ...programs.lives import WHY, NoProgram, life_of, program_of
from ...programs.script import compose
from ...programs.script_lines import Lines, ScriptLines
from ...programs.structural import script as structural
from ...programs.walk_script import walk_script
from ...report.ledger import Planned
from ...trials.refusal import words_for
from ...trials.trial import Trial
from ...values.declaration import Environment
from ...values.record import Record


@dataclass(frozen=True)
class Failing:
    """A cell that fails.

    Attributes:
        planned: The planned cell.
        found: The loaded adapter.
        record: The record of the failure.
        environment: The environment in which it failed.
    """

    planned: Planned
    found: Found
    record: Record
    environment: Environment


def script(failing: Failing) -> str:
    """Return a script that fails as the cell does, and needs only torch and the package. It is deterministic.

    Raises:
        NoProgram: The cell is no program, or the adapter's code cannot be copied into a script.
    """
    trial = Trial(failing.planned.cell, failing.found.adapter, failing.found.declaration)
    lines, ending = _lines(trial, failing.record)
    try:
        return f"{_header(failing)}\n{compose(lines, failing.found.adapter, ending)}"
    except CannotInline as error:
        raise NoProgram(f"the code of {failing.found.name} cannot be copied into a script: {error}") from error


def _lines(trial: Trial, record: Record) -> tuple[Lines, list[str]]:
    if trial.cell.area == "WALK" and trial.cell.requirement not in WHY:
        written = walk_script if trial.declaration.profile == "mask" else structural.walk_script
        return written(trial, record.signature.partition(":")[0], record.message)
    life = life_of(trial)
    words = words_for(trial, trial.lacking)
    return ScriptLines(program_of(trial, life), life.items, trial.contract, words, life.forgives), []


def _header(failing: Failing) -> str:
    declaration, cell, record = failing.found.declaration, failing.planned.cell, failing.record
    package = declaration.package
    versions = dict.fromkeys((package, f"torch {failing.environment.torch}", f"Python {failing.environment.python}"))
    lines = [f"{cell.requirement}: {requirement(cell.requirement).sentence}", ""]
    lines += [f"Seen with {', '.join(versions)}. Exits 1 while it fails, 0 once it does not.", f"sparsecheck {cell.id}"]
    if record.reason:
        lines += ["", " ".join(record.reason.split()), *([record.link] if record.link else [])]
    wrapped = [part for line in lines for part in textwrap.wrap(line, 108, break_long_words=False) or [""]]
    return "".join(f"# {line}".rstrip() + "\n" for line in wrapped)
