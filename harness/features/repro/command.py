"""`sparsecheck repro`: a script that shows one failure without sparsecheck."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...commands.arguments import AdapterFile
from ...commands.output import check_writable
from ...errors import BadUsage, NotJudged
from ...files import write

if TYPE_CHECKING:
    from ...values.cell import Cell
    from ...values.record import Record
    from .script import Failing


@click.command()
@click.argument("cell", metavar="CELL")
@click.option("--adapter", "adapters", multiple=True, type=AdapterFile(),
              help="An adapter file, as it was given to the run.")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the script here.")
def repro(cell: str, adapters: tuple[Path, ...], output: Path | None) -> None:
    """Write a script that fails as CELL does, and needs torch and the package alone.

    CELL is judged first. The script goes to the terminal, or to FILE; it exits 1 as long as what it shows is so, and
    says what is expected and what is seen. It is handed out only if it was seen to fail as the cell does.
    """
    from .script import script
    from .verify import check

    check_writable(output, "--output")
    failing = _failing(cell, adapters)
    text = script(failing)
    check(text, failing.record)
    if output is None:
        click.echo(text, nl=False)
    else:
        write(output, text, "Name another file with --output.")


def _failing(id: str, adapters: tuple[Path, ...]) -> Failing:
    """The cell, judged in a process of its own, with what its script is made from."""
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
        raise BadUsage(f"{id} is not planned for {cell.sparsifier}: no run here has this cell")
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
        raise NotJudged(f"{cell.id} was not judged: {subject.problem or interrupted or 'it left no record'}")
    if record.verdict in (Verdict.FAILED, Verdict.KNOWN):
        return record
    details = " ".join((record.message or record.reason).split())
    verdict = f"{record.verdict.value}{details and ', '}{details}"
    raise BadUsage(f"{cell.id} does not fail, there is nothing to reproduce: {verdict}")
