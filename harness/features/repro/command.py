"""The command `sparsecheck repro`: write a stand-alone script that reproduces one failure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...commands.output import check_writable
from ...commands.paths import AdapterFile, OutputPath
from ...commands.terminal import echo_document
from ...errors import BadUsage, NotJudged
from ...files import write

if TYPE_CHECKING:
    from ...values.cell import Cell
    from ...values.record import Record
    from .script import Failing


@click.command()
@click.argument("cell", metavar="CELL")
@click.option("--adapter", "adapters", multiple=True, type=AdapterFile(), help="An adapter file, as in the run.")
@click.option("--output", type=OutputPath(suffix=".py"),
              help="Write the script to this file instead of stdout.")
def repro(cell: str, adapters: tuple[Path, ...], output: Path | None) -> None:
    """Write a script that reproduces the failure of CELL.

    The script is the program that the cell is: a network, a plan, the steps, and the check that fails. It needs only
    torch and the package. CELL is judged first, and the script is written only if it fails too. It ends with an
    AssertionError, which states the expected and the observed result, while the failure persists (exit code 1), and
    without one once it is fixed (exit code 0).
    """
    from .script import script
    from .verify import verify

    check_writable(output, "--output")
    failing = _failing(cell, adapters)
    text = script(failing)
    verify(text, failing.record)
    if output is None:
        echo_document(text)
    else:
        write(output, text, "Name another file with --output.")


def _failing(id: str, adapters: tuple[Path, ...]) -> Failing:
    """Judge the cell in a subprocess, and return everything that its script is made from."""
    from ...adapter.discovery import find, load
    from ...catalogue import CATALOGUE, requirement
    from ...process.environment import here
    from ...report.ledger import enumerate_cells
    from ...values.cell import Cell
    from ...values.selection import Selection
    from .script import Failing

    cell = Cell.parse(id)
    requirement(cell.requirement)
    found = load(find(cell.sparsifier, adapters))
    environment = here()
    planned = enumerate_cells(CATALOGUE, found.declaration, Selection(cells=(id,)), environment)
    if not planned:
        raise BadUsage(f"{id} is not planned for {cell.sparsifier} in this environment")
    return Failing(planned[0], found, _record(cell, adapters), environment)


def _record(cell: Cell, adapters: tuple[Path, ...]) -> Record:
    from ...run.run_in_subprocesses import Run, judge_in_subprocesses
    from ...values.record import Verdict
    from ...values.selection import Selection

    run = Run((cell.sparsifier,), tuple(file.absolute() for file in adapters), Selection(cells=(cell.id,)))
    report = judge_in_subprocesses(run, lambda line: None)
    [subject] = report.header.subjects
    record = next((one for one in report.records if one.cell == cell.id), None)
    interrupted = report.footer.interrupted if report.footer else ""
    if record is None:
        raise NotJudged(f"{cell.id} was not judged: {subject.problem or interrupted or 'there is no record of it'}")
    if record.verdict in (Verdict.FAILED, Verdict.KNOWN):
        return record
    details = " ".join((record.message or record.reason).split())
    verdict = f"{record.verdict.value}{details and ', '}{details}"
    raise BadUsage(f"{cell.id} does not fail, so there is nothing to reproduce: {verdict}")
