"""`sparsecheck reference`: what is stored, against what the oracles give now."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ...oracle.references import InvalidReference
    from .manage import FileChange


@click.group()
def reference() -> None:
    """Check the stored references against the oracles, show what differs, or write them anew.

    Exit codes: 0 nothing is wrong, or written; 1 the oracles now give something else; 2 a file is corrupt,
    missing, tampered with or unknown, or bad usage.
    """


_folder = click.option(
    "--folder", type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The folder of references; by default the one that came with sparsecheck.",
)


@reference.command()
@click.option("--bytes", "exact", is_flag=True,
              help="Make each file anew, too, and compare its sha256 with the one recorded.")
@_folder
def check(exact: bool, folder: Path | None) -> None:
    """Say what is wrong with the references, a line each; nothing is changed."""

    folder = _chosen(folder)
    problems = keeping.check(folder, exact)
    for problem in problems:
        _say(problem)
    if problems:
        sys.exit(_code(problems))
    give = "give, byte for byte" if exact else "give"
    click.echo(f"the references in {folder} are whole, recorded, and what the oracles {give}")
    for change in keeping.difference(folder):
        for note in change.notes:
            click.echo(f"note: {change.file}: {note}")


@reference.command()
@_folder
def diff(folder: Path | None) -> None:
    """Show what a write would change, a row a tensor and a picture a mask; nothing is changed."""

    folder = _chosen(folder)
    found, problems = keeping.difference(folder), keeping.check(folder)
    for change in found:
        _show(change)
    shown = {change.file for change in found}
    for problem in problems:
        if problem.file not in shown:
            _say(problem)
    if not found:
        click.echo("a write would change nothing")
    sys.exit(_code(problems))


@reference.command()
@click.option("--reason", required=True, metavar="TEXT", help="Why they change; logged in PROVENANCE.md.")
@_folder
def write(reason: str, folder: Path | None) -> None:
    """Write the references that differ from what the oracles give, and log why."""
    from datetime import date


    folder = _chosen(folder)
    found = keeping.write(folder, reason, date.today())
    for change in found:
        _show(change)
    click.echo(f"written to {folder}" if found else "nothing differs, and nothing is written")


def _chosen(folder: Path | None) -> Path:
    from ...oracle.references import home

    return folder or home()


def _show(change: FileChange) -> None:
    from .render import changes_in

    for line in changes_in(change):
        click.echo(line)


def _say(problem: InvalidReference) -> None:
    click.echo(f"{type(problem).__name__}: {problem}", err=True)


def _code(problems: list[InvalidReference]) -> int:
    """1 where the files are whole and only the oracles disagree."""
    from ...oracle.references import ChangedBytes, StaleReference

    if not problems:
        return 0
    return 1 if all(isinstance(problem, (StaleReference, ChangedBytes)) for problem in problems) else 2
