"""The command `sparsecheck states`: save state dicts under one torch version, restore them under others."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...commands.paths import AdapterFile, InputPath, OutputPath
from ...commands.terminal import echo
from ...errors import RED, BadUsage, NotJudged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .readings import Reading

_adapters = click.option("--adapter", "adapters", multiple=True, type=AdapterFile(),
                         help="An adapter file, in addition to the registered adapters (repeatable).")


@click.group()
def states() -> None:
    """Save states under this torch version, and restore older ones."""


@states.command()
@click.argument("folder", type=InputPath(exists=False, dir_okay=True, file_okay=False))
@click.argument("names", nargs=-1)
@_adapters
@click.option("--replace", is_flag=True, help="Replace states that exist for this torch release.")
def write(folder: Path, names: tuple[str, ...], adapters: tuple[Path, ...], replace: bool) -> None:
    """Write the states of the sparsifiers NAMES (default: all that can save) to FOLDER/<torch release>.

    Exit codes: 0 every state that can be saved is stored; 1 a sparsifier raised; 2 bad usage, or nothing to write.
    """
    from ...commands.names import select_sparsifiers

    outcomes = [_write(folder, name, adapters, replace) for name in select_sparsifiers(names, adapters, (), ())]
    if 1 in outcomes:
        sys.exit(RED)
    if 0 not in outcomes:
        raise BadUsage("no state was written: none of these sparsifiers supports the needed capabilities")


def _write(folder: Path, name: str, adapters: tuple[Path, ...], replace: bool) -> int:
    from datetime import date

    from ...adapter.discovery import find, load
    from .writing import AlreadyStored, NotOffered
    from .writing import write as write_state

    try:
        stored = write_state(folder, load(find(name, adapters)), date.today(), replace)
    except NotOffered as reason:
        echo(f"{name}: skipped, {reason}")
        return 2
    except AlreadyStored as reason:
        echo(f"{name}: unchanged, {reason}")
        return 0
    except Exception as error:
        echo(f"{name}: NOT WRITTEN, {type(error).__name__}: {' '.join(str(error).split())}", err=True)
        return 1
    size = sum(one.size for one in stored.files.values())
    echo(f"{name}: written under torch {stored.maker.torch}, {size} bytes")
    return 0


@states.command()
@click.argument("folder", type=InputPath(dir_okay=True, file_okay=False))
@click.argument("names", nargs=-1)
@_adapters
@click.option("--json", "file", type=OutputPath(),
              help="Write the readings to this file (JSON Lines), for `states show`.")
def read(folder: Path, names: tuple[str, ...], adapters: tuple[Path, ...], file: Path | None) -> None:
    """Restore the states in FOLDER, of every torch release, under this torch version. NAMES selects sparsifiers.

    Exit codes: 0 all states restore, or belong to packages that are not installed; 1 a state does not restore, or none
    does; 2 bad usage, or one of NAMES has no state or is not installed.
    """
    from datetime import date

    from .reading import read_all

    readings = list(read_all(folder, names, adapters, date.today()))
    if not readings:
        raise BadUsage(
            f"{folder} contains no states of these sparsifiers", "Write some with `sparsecheck states write`."
        )
    _show(readings, file)
    seen = {one.sparsifier for one in readings if one.verdict != "unavailable"}
    if unread := [name for name in names if name not in seen]:
        raise NotJudged(f"named but not read: {', '.join(unread)}")
    _exit(readings)


@states.command()
@click.argument("files", nargs=-1, required=True, type=InputPath(exists=False))
def show(files: tuple[Path, ...]) -> None:
    """Show the readings in FILES, written by `states read --json` under several torch versions, as one table each."""
    from .readings import read as read_readings

    readings = [one for file in files for one in read_readings(file)]
    _show(readings, None)
    _exit(readings)


def _show(readings: Sequence[Reading], file: Path | None) -> None:
    from .readings import write as write_readings
    from .table import render_table

    for line in render_table(readings):
        echo(line)
    if file is not None:
        write_readings(readings, file)


def _exit(readings: Sequence[Reading]) -> None:
    from .readings import exit_code

    sys.exit(exit_code(readings))
