"""`sparsecheck expect`: from a run's report to the expectations that would make it green."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ... import files
from ...errors import BadUsage, NotJudged

if TYPE_CHECKING:
    from ...report.expectation import Expectation
    from ...report.report import Report
    from .proposal import Proposal, Seen


@click.command()
@click.argument("file", metavar="REPORT", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--sparsifier", "names", multiple=True, metavar="NAME",
              help="Whose expectations, if not of all that the report is about; those that are named share one file.")
@click.option("--adapter", "adapters", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="An adapter file, as it was given to the run.")
@click.option("--write", is_flag=True, help="Write the expectation file beside the adapter, and not to the terminal.")
def expect(file: Path, names: tuple[str, ...], adapters: tuple[Path, ...], write: bool) -> None:
    """Show the expectation file that would make the run of REPORT green, errors aside.

    Entries that explain what failed stay as they are. Those that are stale go, or become as narrow as what is left
    of them. What failed unexplained gets an entry for each requirement and kind of failure, whose reason is
    UNEXPLAINED: until someone has said why, nothing is judged by that file.
    """
    from ...report.expectation import parse_entries, read_text
    from .expectation_file import rewritten
    from .proposal import propose

    report = _whole(file)
    names = names or tuple(subject.sparsifier for subject in report.header.subjects)
    runs, path = _runs(report, names), _place(names, adapters)
    text = read_text(path) if path.exists() else ""
    entries = parse_entries(text, str(path))
    proposal = propose(entries, runs)
    new = rewritten(text, str(path), proposal)
    if write and new != text:
        files.write(path, new)
    if not write:
        click.echo(new, nl=False)
    _tell(entries, proposal)
    outcome = "is as it is to be" if new == text else "is written" if write else "is not written; --write writes it"
    click.echo(f"{path} {outcome}", err=True)


def _whole(file: Path) -> Report:
    from ...catalogue import revisions
    from ...report.identity import left_out
    from ...report.report import read_whole
    from ...show.left_out import left_out_lines

    report = read_whole(file)
    for line in left_out_lines(left_out(report.requirements, revisions())):
        click.echo(line, err=True)
    if report.header.selection.cells:
        raise BadUsage(
            f"{file} was judged on single cells, which say nothing about the others of a requirement",
            "Run it without --cell.",
        )
    return report.restricted(revisions())


def _runs(report: Report, names: Sequence[str]) -> list[Seen]:
    from ...suggestions import UnknownName
    from .proposal import seen

    runs, subjects = [], {subject.sparsifier: subject for subject in report.header.subjects}
    for name in dict.fromkeys(names):
        if name not in subjects:
            raise UnknownName("sparsifier of this report", name, subjects)
        subject = subjects[name]
        if subject.declaration is None or subject.environment is None:
            raise NotJudged(f"{name} was not judged: {subject.problem}")
        runs.append(seen(subject.declaration, subject.environment, subject.planned, report.of(name)))
    return runs


def _place(names: Sequence[str], adapters: Sequence[Path]) -> Path:
    """The one expectation file of all that are named."""
    from ...adapter.discovery import find, load

    places = {name: load(find(name, adapters)).expectations for name in names}
    if len(set(places.values())) > 1:
        about = {place: ", ".join(name for name in names if places[name] == place) for place in places.values()}
        where = "; ".join(f"{place} is about {those}" for place, those in about.items())
        raise BadUsage(f"there is more than one expectation file: {where}", "Name the sparsifiers of one file with "
                       "--sparsifier.")
    return next(iter(places.values()))


def _tell(entries: Sequence[Expectation], proposal: Proposal) -> None:
    for entry, revised in zip(entries, proposal.revised, strict=True):
        if revised != (entry,):
            click.echo(f"{'narrower' if revised else 'gone'}: {entry.requirement} {entry.signature}", err=True)
    for entry in proposal.added:
        click.echo(f"added, say why: {entry.requirement} {entry.signature}", err=True)
