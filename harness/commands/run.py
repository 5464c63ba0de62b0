"""`sparsecheck run`: judge sparsifiers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

import click

from ..catalogue import AREAS, CATALOGUE, VERSION, requirement
from ..errors import BadUsage
from ..values.requirement import Level
from ..values.selection import Selection
from ..values.shard import Shard
from .arguments import shard_argument, split_arguments
from .finish import tell
from .output import check_writable


@click.command()
@click.argument("names", nargs=-1)
@click.option("--adapter", "adapters", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="Judge the adapter in this file; alone, unless names are given.")
@click.option("--area", "areas", multiple=True, type=click.Choice(list(AREAS), case_sensitive=False),
              help="Only this area.")
@click.option("--level", "levels", multiple=True, type=click.Choice(get_args(Level)), help="Only this level.")
@click.option("--requirement", "requirements", multiple=True, metavar="ID", help="Only this requirement.")
@click.option("--cell", "cells", multiple=True, metavar="CELL", help="Only this cell, as a report names it.")
@click.option("--probe-undeclared", "probe", is_flag=True,
              help="Try what an adapter leaves undeclared, to learn what to declare; exits 2, as it judges nothing.")
@click.option("--catalogue", "version", default=VERSION, show_default=True, metavar="N",
              type=click.IntRange(1, VERSION), 
              help="Judge by this version of the catalogue, without later requirements.")
@click.option("--require", "required", multiple=True, metavar="NAME", help="Red unless NAME was judged.")
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False),
              help="Write the records here (JSON Lines; packed by gzip where FILE ends in .gz).")
@click.option("--shard", metavar="K/N", callback=shard_argument,
              help="Only this of N equal parts; `sparsecheck merge` puts the N reports together.")
@click.option("--durations", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="REPORT",
              help="An earlier report, whose seconds balance the shards; the same for each of them.")
@click.option("--resume", is_flag=True, help="Finish the interrupted run of --report: judge what it lacks.")
@click.option("-n", "--workers", default=0, show_default=True, type=click.IntRange(0),
              help="pytest-xdist processes a sparsifier.")
@click.option("-j", "--jobs", default=os.cpu_count() or 1, show_default="the cores", type=click.IntRange(1),
              help="Sparsifiers judged at a time.")
@click.option("--case-limit", default=60.0, show_default=True, type=click.FloatRange(0, min_open=True),
              help="Seconds that one case may take.")
@click.option("--limit", default=900.0, show_default=True, type=click.FloatRange(0, min_open=True),
              help="Seconds that one sparsifier may take.")
@click.option("--pytest-args", default="", metavar="'ARGS'", callback=split_arguments,
              help="Handed on to pytest, as '-x -k name'.")
def run(
    names: tuple[str, ...], adapters: tuple[Path, ...], areas: tuple[str, ...], levels: tuple[str, ...],
    requirements: tuple[str, ...], cells: tuple[str, ...], probe: bool, version: int, required: tuple[str, ...],
    report: Path | None, shard: Shard | None, durations: Path | None, resume: bool, workers: int, jobs: int,
    case_limit: float, limit: float, pytest_args: tuple[str, ...],
) -> None:
    """Judge the sparsifiers NAMES (all that are registered, if none is named), one process each."""
    from ..run.run_in_subprocesses import Run
    from .names import chosen, not_installed
    from .resuming import judged_beside, parts_of

    selection = Selection(tuple(area.upper() for area in areas), requirements + _of(levels), cells, probe)
    _check_selection(selection)
    subjects = chosen(names, adapters, cells, required)
    if durations is not None and shard is None:
        raise BadUsage("--durations balances shards, and no shard is named", "Name one with --shard K/N.")
    check_writable(report, "--report")
    asked = Run(
        subjects, tuple(file.absolute() for file in adapters), selection, workers, min(jobs, len(subjects)),
        case_limit, limit, pytest_args, shard, durations, catalogue=version,
    )
    with parts_of(report, resume) as parts:
        judged = judged_beside(parts, asked, resume)
        tell(judged, report, required, () if names or cells or adapters else tuple(not_installed()), parts)


def _of(levels: tuple[str, ...]) -> tuple[str, ...]:
    """The ids of the requirements of each of `levels`."""
    for level in levels:
        if not any(one.level == level for one in CATALOGUE):
            raise BadUsage(f"no requirement is {level}: --level {level} selects nothing")
    return tuple(one.id for one in CATALOGUE if one.level in levels)


def _check_selection(selection: Selection) -> None:
    from ..values.cell import Cell

    for id in (*selection.requirements, *(Cell.parse(cell).requirement for cell in selection.cells)):
        requirement(id)
