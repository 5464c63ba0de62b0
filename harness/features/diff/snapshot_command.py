"""The command `sparsecheck snapshot`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...commands.paths import AdapterFile, OutputPath
from ...commands.terminal import echo
from ...errors import NotJudged

if TYPE_CHECKING:
    from .differences import Side
    from .snapshot_in_subprocesses import SnapshotRunner

ADAPTER = AdapterFile()


@click.command()
@click.argument("names", nargs=-1)
@click.option("--to", "target", required=True, type=OutputPath(dir_okay=True), metavar="FOLDER|FILE.jsonl.gz",
              help="Write one file per sparsifier into FOLDER, or all into FILE and a folder `tensors` beside it "
                   "that stores equal arrays of several such files once.")
@click.option("--adapter", "adapters", multiple=True, type=ADAPTER,
              help="Use the adapter in this file, and only it unless NAMES are given.")
@click.option("--dist", metavar="NAME==VERSION",
              help="Use this release, which is installed separately, and only its sparsifiers.")
@click.option("--limit", default=300.0, show_default=True, type=click.FloatRange(0, min_open=True),
              help="Seconds that one sparsifier may take.")
def snapshot(names: tuple[str, ...], target: Path, adapters: tuple[Path, ...], dist: str | None, limit: float) -> None:
    """Take snapshots of sparsifiers, for `sparsecheck diff`.

    NAMES are names of registered sparsifiers; by default, all are recorded.

    A snapshot contains masks, outputs, state dicts and operator counts on enumerated inputs, in float32 on the CPU. It
    has the same bytes every time.

    Exit codes: 0 all snapshots written; 2 bad usage, or a sparsifier that does not work; 3 interrupted.
    """
    side = take_side(snapshot_runner(adapters, limit), names, dist)
    _write(side, target)
    unfit = [f"{name}: {one.why}" for name, one in side.problems.items() if names or not one.is_declared]
    for line in unfit:
        echo(f"sparsecheck: {line}", err=True)
    if unfit or not side.snapshots:
        raise NotJudged(f"{len(side.snapshots)} snapshots taken, {len(unfit)} could not be taken")


def snapshot_runner(adapters: tuple[Path, ...], limit: float) -> SnapshotRunner:
    """Return a runner that shows its progress on stderr."""
    from .snapshot_in_subprocesses import SnapshotRunner

    return SnapshotRunner(tuple(adapters), limit, lambda line: echo(line, err=True))


def take_side(runner: SnapshotRunner, names: tuple[str, ...], dist: str | None) -> Side:
    """Take snapshots of sparsifiers as they are installed, or with the release `dist` (NAME==VERSION)."""
    from ...commands.names import select_sparsifiers

    if dist is not None:
        return runner.release(dist, names)
    return runner.here(select_sparsifiers(names, runner.adapters, (), ()))


def _write(side: Side, target: Path) -> None:
    from . import bundle, snapshot

    if target.name.endswith(bundle.BUNDLE):
        written = bundle.write(side.snapshots, target)
    else:
        written = snapshot.write({name: snapshot.encode(one) for name, one in side.snapshots.items()}, target)
    for file in written:
        echo(f"{file}: {file.stat().st_size} bytes")
    sys.stdout.flush()
