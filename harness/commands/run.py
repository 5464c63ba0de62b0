"""`sparsecheck run`: judge sparsifiers."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import get_args

import click

from ..catalogue import AREAS, CATALOGUE, VERSION
from ..catalogue.selecting import check_selection
from ..errors import BadUsage
from ..values.requirement import Level
from ..values.selection import Selection
from ..values.shard import Shard
from .arguments import Known, shard_argument, split_arguments
from .finish import finish
from .output import check_writable, write_files
from .paths import AdapterFile, InputPath, OutputPath


@click.command()
@click.argument("names", nargs=-1)
@click.option("--adapter", "adapters", multiple=True, type=AdapterFile(),
              help="Judge the adapter in this file, and no registered sparsifier unless named.")
@click.option("--area", "areas", multiple=True, type=Known("area", AREAS, ignore_case=True),
              help="Judge only this area.")
@click.option("--level", "levels", multiple=True, type=Known("level", get_args(Level)), help="Judge only this level.")
@click.option("--requirement", "requirements", multiple=True, metavar="ID", help="Judge only this requirement.")
@click.option("--cell", "cells", multiple=True, metavar="CELL", help="Judge only this cell, given by its id.")
@click.option("--probe-undeclared", "probe", is_flag=True,
              help="Try the undeclared capabilities of an adapter. Gives no verdict and exits with 2.")
@click.option("--catalogue", "version", default=VERSION, show_default=True, metavar="N",
              type=click.IntRange(1, VERSION),
              help="Judge by this version of the catalogue, without later requirements.")
@click.option("--ignore-expectations", is_flag=True,
              help="Judge as if there were no expectation files: every known defect is a failure.")
@click.option("--require", "required", multiple=True, metavar="NAME", help="Fail unless NAME was judged.")
@click.option("--report", type=OutputPath(),
              help="Write the report to this file (JSON Lines, compressed if its name ends in .gz).")
@click.option("--shard", metavar="K/N", callback=shard_argument,
              help="Judge only the K-th of N equal parts; `sparsecheck merge` merges the N reports.")
@click.option("--durations", type=InputPath(), metavar="REPORT",
              help="Balance the shards by the durations in this report; the same for every shard.")
@click.option("--resume", is_flag=True, help="Finish the interrupted run of --report: judge the remaining cells.")
@click.option("-n", "--workers", default=0, show_default=True, type=click.IntRange(0),
              help="pytest-xdist processes per sparsifier.")
@click.option("-j", "--jobs", default=os.cpu_count() or 1, show_default="number of cores", type=click.IntRange(1),
              help="Sparsifiers to judge at the same time.")
@click.option("--case-limit", default=60.0, show_default=True, type=click.FloatRange(0, min_open=True),
              help="Time limit for one case, in seconds.")
@click.option("--limit", default=900.0, show_default=True, type=click.FloatRange(0, min_open=True),
              help="Time limit for one sparsifier, in seconds.")
@click.option("--coverage", "covers", is_flag=True,
              help="Show the lines of the package and its adapter that no cell executed (needs sparsecheck[coverage]).")
@click.option("--coverage-json", type=OutputPath(), metavar="FILE", help="Write them to this file, too.")
@click.option("--pytest-args", default="", metavar="'ARGS'", callback=split_arguments,
              help="Arguments for pytest, such as '-x -k name'.")
def run(
    names: tuple[str, ...], adapters: tuple[Path, ...], areas: tuple[str, ...], levels: tuple[str, ...],
    requirements: tuple[str, ...], cells: tuple[str, ...], probe: bool, version: int, ignore_expectations: bool,
    required: tuple[str, ...],
    report: Path | None, shard: Shard | None, durations: Path | None, resume: bool, workers: int, jobs: int,
    case_limit: float, limit: float, covers: bool, coverage_json: Path | None, pytest_args: tuple[str, ...],
) -> None:
    """Judge sparsifiers, each in a process of its own.

    NAMES are names of registered sparsifiers. By default, all whose package is installed are judged.
    """
    from ..run.run_in_subprocesses import Run
    from .coverage import as_json, coverage_lines, measurements, measuring
    from .names import not_installed_lines, select_sparsifiers
    from .resuming import judge, keep_partial_records

    selection = Selection(areas, requirements + _of(levels), cells, probe)
    check_selection(selection)
    subjects = select_sparsifiers(names, adapters, cells, required)
    if durations is not None and shard is None:
        raise BadUsage("--durations needs --shard", "Add --shard K/N, or leave out --durations.")
    check_writable(report, "--report")
    check_writable(coverage_json, "--coverage-json")
    asked = Run(
        subjects, tuple(file.absolute() for file in adapters), selection, workers, min(jobs, len(subjects)),
        case_limit, limit, pytest_args, shard, durations, catalogue=version, ignores_expectations=ignore_expectations,
    )
    notes = () if names or cells or adapters else tuple(not_installed_lines())
    with keep_partial_records(report, resume) as parts, measuring(covers or coverage_json is not None) as folder:
        judged = judge(parts, replace(asked, coverage=folder), resume)
        measured = measurements(subjects, folder)
        code = write_files({coverage_json: as_json(measured)})
        finish(judged, report, required, (*coverage_lines(measured), *notes), parts, code)


def _of(levels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the ids of the requirements of these levels."""
    for level in levels:
        if not any(one.level == level for one in CATALOGUE):
            raise BadUsage(f"no requirement has level {level}")
    return tuple(one.id for one in CATALOGUE if one.level in levels)
