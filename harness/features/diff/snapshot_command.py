"""`sparsecheck record`: what each sparsifier does here, kept as files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...errors import NotJudged

if TYPE_CHECKING:
    from .compare import Side
    from .snapshot_in_subprocesses import Recorder

ADAPTER = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("names", nargs=-1)
@click.option("--to", "folder", required=True, type=click.Path(path_type=Path, file_okay=False),
              help="Write a file for each sparsifier into this folder.")
@click.option("--adapter", "adapters", multiple=True, type=ADAPTER,
              help="Record the adapter in this file; alone, unless names are given.")
@click.option("--dist", metavar="NAME==VERSION", help="With this release, installed apart, and only what is of it.")
@click.option("--limit", default=300.0, show_default=True, type=click.FloatRange(0, min_open=True),
              help="Seconds that one sparsifier may take.")
def record(names: tuple[str, ...], folder: Path, adapters: tuple[Path, ...], dist: str | None, limit: float) -> None:
    """Record what the sparsifiers NAMES do (all that are registered, if none is named), for `sparsecheck diff`.

    Masks, outputs, state dicts and counts on enumerated inputs, float32 on the CPU; the same bytes each time. Exit
    codes: 0 all is written; 2 bad usage, or one could not be recorded; 3 it was interrupted.
    """
    side = recorded(recorder(adapters, limit), names, dist)
    _write(side, folder)
    unfit = [f"{name}: {one.why}" for name, one in side.problems.items() if names or not one.is_declared]
    for line in unfit:
        click.echo(f"sparsecheck: {line}", err=True)
    if unfit or not side.recordings:
        raise NotJudged(f"{len(side.recordings)} recorded, {len(unfit)} could not be")


def recorder(adapters: tuple[Path, ...], limit: float) -> Recorder:
    """It tells of each sparsifier on standard error."""
    from .snapshot_in_subprocesses import Recorder

    return Recorder(tuple(adapters), limit, lambda line: click.echo(line, err=True))


def recorded(how: Recorder, names: tuple[str, ...], dist: str | None) -> Side:
    """Record those sparsifiers as they are here, or with a release `NAME==VERSION`."""
    from ...commands.names import select_sparsifiers

    if dist is not None:
        return how.release(dist, names)
    return how.here(select_sparsifiers(names, how.adapters, (), ()))


def _write(side: Side, folder: Path) -> None:
    from .snapshot import encode, write

    for file in write({name: encode(one) for name, one in side.recordings.items()}, folder):
        click.echo(f"{file}: {file.stat().st_size} bytes")
    sys.stdout.flush()
