"""`sparsecheck states`: state dicts through time."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import RED, BadUsage, NotJudged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .readings import Reading

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)
_adapters = click.option("--adapter", "adapters", multiple=True, type=click.Path(path_type=Path, exists=True),
                         help="An adapter file, beside what is registered.")


@click.group()
def states() -> None:
    """Write what sparsifiers save under the torch here, and read what was saved under others."""


@states.command()
@click.argument("folder", type=_FOLDER)
@click.argument("names", nargs=-1)
@_adapters
@click.option("--replace", is_flag=True, help="Write anew what is kept for this torch already.")
def write(folder: Path, names: tuple[str, ...], adapters: tuple[Path, ...], replace: bool) -> None:
    """Write the states of the sparsifiers NAMES (all that can save) to FOLDER/<torch release>.

    Exit codes: 0 what can be saved is kept; 1 a sparsifier raised; 2 bad usage, or there is nothing to write.
    """
    from ...commands.names import select_sparsifiers

    outcomes = [_write(folder, name, adapters, replace) for name in select_sparsifiers(names, adapters, (), ())]
    if 1 in outcomes:
        sys.exit(RED)
    if 0 not in outcomes:
        raise BadUsage("no state is kept: none of these sparsifiers offers what it takes")


def _write(folder: Path, name: str, adapters: tuple[Path, ...], replace: bool) -> int:
    from datetime import date

    from ...adapter.discovery import find, load
    from .writing import AlreadyKept, NotOffered
    from .writing import write as write_state

    try:
        kept = write_state(folder, load(find(name, adapters)), date.today(), replace)
    except NotOffered as reason:
        click.echo(f"{name}: left out, {reason}")
        return 2
    except AlreadyKept as reason:
        click.echo(f"{name}: left as it is, {reason}")
        return 0
    except Exception as error:
        click.echo(f"{name}: NOT WRITTEN, {type(error).__name__}: {' '.join(str(error).split())}", err=True)
        return 1
    click.echo(f"{name}: written under torch {kept.maker.torch}, {sum(one.size for one in kept.files.values())} bytes")
    return 0


@states.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("names", nargs=-1)
@_adapters
@click.option("--json", "file", type=_FILE, help="Write the verdicts here (JSON Lines); `states show` reads them.")
def read(folder: Path, names: tuple[str, ...], adapters: tuple[Path, ...], file: Path | None) -> None:
    """Restore the states in FOLDER, of every torch release, under the torch here: of NAMES, or all.

    Exit codes: 0 all of them restore, or are of packages that are not here; 1 one does not, or none does; 2 bad usage,
    or one of NAMES has no state or cannot be had here.
    """
    from datetime import date

    from .reading import read_all

    readings = list(read_all(folder, names, adapters, date.today()))
    if not readings:
        raise BadUsage(f"{folder} holds no states of these sparsifiers", "`sparsecheck states write` writes some.")
    _show(readings, file)
    seen = {one.sparsifier for one in readings if one.verdict != "unavailable"}
    if unread := [name for name in names if name not in seen]:
        raise NotJudged(f"named but not read: {', '.join(unread)}")
    _exit(readings)


@states.command()
@click.argument("files", nargs=-1, required=True, type=_FILE)
def show(files: tuple[Path, ...]) -> None:
    """Show what FILES hold, each written by `states read --json` under another torch, as one table a sparsifier."""
    from .readings import read as read_verdicts

    readings = [one for file in files for one in read_verdicts(file)]
    _show(readings, None)
    _exit(readings)


def _show(readings: Sequence[Reading], file: Path | None) -> None:
    from .readings import write as write_verdicts
    from .table import states_told

    for line in states_told(readings):
        click.echo(line)
    if file is not None:
        write_verdicts(readings, file)


def _exit(readings: Sequence[Reading]) -> None:
    from .readings import exit_code

    sys.exit(exit_code(readings))
