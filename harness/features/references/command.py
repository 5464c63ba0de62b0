"""The command `sparsecheck reference`: compare the stored references with the oracles."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...commands.paths import InputPath
from ...commands.terminal import echo

if TYPE_CHECKING:
    from ...oracle.references import InvalidReference
    from .manage import FileChange


@click.group()
def reference() -> None:
    """Check, compare or write the stored references.

    The references are compared with the results of the oracles.

    Exit codes: 0 no problem, or written; 1 the oracles give other results; 2 bad usage, or a file that is corrupt,
    missing, modified or unknown.
    """


_folder = click.option(
    "--folder", type=InputPath(dir_okay=True, file_okay=False),
    help="The folder of references. Default: the one installed with sparsecheck.",
)


@reference.command()
@click.option("--bytes", "exact", is_flag=True,
              help="Also compute each file again and compare its sha256 with the manifest.")
@_folder
def check(exact: bool, folder: Path | None) -> None:
    """List the problems of the references, one per line; change nothing."""
    from . import manage

    folder = _folder_or_default(folder)
    problems = manage.check(folder, exact)
    for problem in problems:
        _report(problem)
    if problems:
        sys.exit(_code(problems))
    equal = "equal, byte for byte, to" if exact else "equal to"
    echo(f"the references in {folder} are complete and {equal} the oracles' results")
    for change in manage.difference(folder):
        for note in change.notes:
            echo(f"note: {change.file}: {note}")


@reference.command()
@_folder
def diff(folder: Path | None) -> None:
    """Show the changes that `write` would make, tensor by tensor, with a picture of each changed mask."""
    from . import manage

    folder = _folder_or_default(folder)
    found, problems = manage.difference(folder), manage.check(folder)
    for change in found:
        _show(change)
    shown = {change.file for change in found}
    for problem in problems:
        if problem.file not in shown:
            _report(problem)
    if not found:
        echo("nothing would change")
    sys.exit(_code(problems))


@reference.command()
@click.option("--reason", required=True, metavar="TEXT", help="The reason for the change, logged in PROVENANCE.md.")
@_folder
def write(reason: str, folder: Path | None) -> None:
    """Write the references that differ from the oracles' results, and log the reason."""
    from datetime import date

    from . import manage


    folder = _folder_or_default(folder)
    found = manage.write(folder, reason, date.today())
    for change in found:
        _show(change)
    echo(f"written to {folder}" if found else "nothing differs, so nothing was written")


def _folder_or_default(folder: Path | None) -> Path:
    from ...oracle.references import home

    return folder or home()


def _show(change: FileChange) -> None:
    from .render import render_change

    for line in render_change(change):
        echo(line)


def _report(problem: InvalidReference) -> None:
    echo(f"{type(problem).__name__}: {problem}", err=True)


def _code(problems: list[InvalidReference]) -> int:
    """Return the exit code: 1 if the files are intact and only the oracles' results differ, 2 otherwise."""
    from ...oracle.references import ChangedBytes, StaleReference

    if not problems:
        return 0
    return 1 if all(isinstance(problem, (StaleReference, ChangedBytes)) for problem in problems) else 2
