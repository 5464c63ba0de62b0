"""`sparsecheck`: the command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import click

from .catalogue import AREAS, CATALOGUE, VERSION, requirement
from .commands.arguments import shard_argument, split_arguments
from .commands.command_line import CommandLine
from .commands.finish import tell
from .commands.merge import merge
from .commands.output import check_writable, put
from .errors import BadUsage, NotJudged
from .features.bench.command import bench
from .features.diff.diff_command import diff
from .features.diff.record_command import record
from .features.expect.command import expect
from .features.gate.command import gate
from .features.init.command import init
from .features.page.command import page
from .features.references.command import reference
from .features.repro.command import repro
from .features.states.command import states
from .features.versions.command import versions
from .values.requirement import Level, Requirement
from .values.selection import Selection
from .values.shard import Shard

if TYPE_CHECKING:
    from .report.report import Report
    from .values.declaration import Declaration


@click.group(cls=CommandLine, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sparsecheck")
def main() -> None:
    """Judge PyTorch sparsifiers against one catalogue of requirements.

    \b
    sparsecheck list                    what is registered here
    sparsecheck run                     judge all of it, one process each
    sparsecheck run NAME --report FILE  judge one and keep the records
    sparsecheck init                    write an adapter for your own package
    sparsecheck expect FILE             what it would take to expect the failures in FILE
    sparsecheck gate --baseline OLD NEW what got worse from one report to the next
    sparsecheck page FILE --html FILE   the verdicts of reports, as a page
    sparsecheck versions FILE... --html F one report from each torch: what changed, and since which
    sparsecheck merge FILES --to FILE   one report of the shards of a run
    sparsecheck repro CELL              a script that shows one failure without sparsecheck
    sparsecheck bench                   time it; nothing is judged by that
    sparsecheck states read FOLDER      restore what other torch releases saved
    sparsecheck record --to FOLDER      keep what it does here
    sparsecheck diff A B                what changed in what it does
    sparsecheck explain MASK-01         what a requirement asks, and why
    """


@main.command("list")
@click.option("--check", is_flag=True, help="Load each adapter; exit 2 if one cannot be judged.")
@click.option("--adapter", "adapters", multiple=True, type=click.Path(path_type=Path), help="An adapter file.")
def list_(check: bool, adapters: tuple[Path, ...]) -> None:
    """Show the sparsifiers registered here; from metadata alone, unless --check loads them."""
    from .adapter.discovery import BrokenAdapter, load, registrations

    broken = False
    for one in registrations(adapters):
        problem = one.problem
        newer = ""
        if check and not one.obstacle:
            try:
                newer = _newer(load(one).declaration)
            except BrokenAdapter as error:
                problem = str(error)
        broken = broken or bool(problem)
        state = f"BROKEN: {problem}" if problem else one.lacking or ((newer or "ok") if check else "")
        click.echo(f"{one.name:34} {one.distribution or 'file':14} {one.value}  {state}".rstrip())
    if broken:
        raise NotJudged("not every registered sparsifier can be judged", "Fix the lines marked BROKEN above.")


def _newer(declaration: Declaration) -> str:
    """Say what an adapter that was written for an earlier catalogue has to declare for the current one."""
    if declaration.catalogue == VERSION:
        return ""
    undeclared = declaration.capabilities.undeclared
    adding = f"declare {', '.join(undeclared)} and " if undeclared else ""
    return f"ok, written for catalogue {declaration.catalogue} of {VERSION}: {adding}state `catalogue = {VERSION}`"


@main.command()
@click.argument("id", metavar="[REQUIREMENT | AREA]", required=False)
@click.option("--markdown", is_flag=True, help="The whole catalogue as a page of Markdown.")
def explain(id: str | None, markdown: bool) -> None:
    """Say what a requirement asks, from where, and over which axes; an area, or all, a line each."""
    if markdown:
        from .features.page.catalogue_page import catalogue_page

        click.echo(catalogue_page(), nl=False)
        return
    if id is None or id.upper() in AREAS:
        for one in CATALOGUE if id is None else AREAS[id.upper()]:
            click.echo(f"{one.id:9} {one.level:12} {one.sentence}")
        return
    click.echo(_explained(requirement(id)))


def _explained(one: Requirement) -> str:
    axes = (("layers", one.layers), ("patterns", one.patterns), ("dtypes", one.dtypes), ("devices", one.devices))
    lines = [f"{one.id} ({one.level}, since catalogue {one.since})", f"  {one.sentence}", f"  source: {one.source}"]
    lines += [f"  {name}: {', '.join(values)}" for name, values in axes]
    lines += [f"  needs: {', '.join(one.needs)}"] if one.needs else []
    lines += [f"  needs torch{one.torch}"] if one.torch else []
    lines += [f"  not planned where the contract says {clause} = {value}" for clause, value in one.unless]
    return "\n".join(lines)


@main.command()
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
    from .commands.names import chosen, not_installed
    from .commands.resuming import judged_beside, parts_of
    from .run.run_in_subprocesses import Run

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
    from .values.cell import Cell

    for id in (*selection.requirements, *(Cell.parse(cell).requirement for cell in selection.cells)):
        requirement(id)


@main.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--report", "joined", type=click.Path(path_type=Path, dir_okay=False),
              help="Write what the FILES hold together here (JSON Lines).")
@click.option("--carry", "older", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="Show, uncounted, what this report of a machine with an accelerator says of unavailable cells.")
@click.option("--junit", "xml", type=click.Path(path_type=Path, dir_okay=False), help="Write them here as JUnit XML.")
@click.option("--markdown", type=click.Path(path_type=Path, dir_okay=False),
              help="Write what fails here, for the page of a CI run; under 60 kB.")
def report(
    files: tuple[Path, ...], joined: Path | None, older: tuple[Path, ...], xml: Path | None, markdown: Path | None
) -> None:
    """Show the verdicts that FILES hold, of other sparsifiers each, and exit as one run of them all would."""
    from .report.report import aligned, join, read, read_whole
    from .show.carried import carried, carried_lines
    from .show.left_out import left_out_lines

    check_writable(joined, "--report")
    whole, found = aligned([read(file) for file in files])
    cut = [one.footer.interrupted for one in whole if one.footer is not None and one.footer.interrupted]
    together = join(whole, interrupted="; ".join(cut))
    others = tuple(carried(together, [read_whole(file) for file in older]))
    notes = (*left_out_lines(found), *carried_lines(others))
    tell(together, joined, left_out=notes, at_least=_put(together, xml, markdown))


def _put(judged: Report, xml: Path | None, markdown: Path | None) -> int:
    from .show.junit import junit
    from .show.run_page import report_markdown

    pages: dict[Path | None, str | bytes] = {xml: junit(judged)} if xml else {}
    return put({**pages, markdown: report_markdown(judged)} if markdown else pages)


@main.command()
def schema() -> None:
    """Print the JSON Schema of one line of a report."""
    import json

    from .report.report import schema as of_a_line

    click.echo(json.dumps(of_a_line(), indent=2, sort_keys=True))


main.add_command(bench)
main.add_command(diff)
main.add_command(expect)
main.add_command(gate)
main.add_command(init)
main.add_command(versions)
main.add_command(merge)
main.add_command(page)
main.add_command(record)
main.add_command(reference)
main.add_command(repro)
main.add_command(states)
