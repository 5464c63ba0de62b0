"""`sparsecheck expect`: from a run's report to the expectations that would make it green."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...commands.failure import fail

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
    from ...report.expectation import InvalidExpectations, parse_entries, read_text
    from .expectation_file import replace_text, rewritten
    from .proposal import propose

    report = _whole(file)
    names = names or tuple(subject.sparsifier for subject in report.header.subjects)
    runs, path = _runs(report, names), _place(names, adapters)
    try:
        text = read_text(path) if path.exists() else ""
        entries = parse_entries(text, str(path))
        proposal = propose(entries, runs)
        new = rewritten(text, str(path), proposal)
        if write and new != text:
            replace_text(path, new)
    except (InvalidExpectations, OSError) as error:
        fail(str(error))
    if not write:
        click.echo(new, nl=False)
    _tell(entries, proposal)
    outcome = "is as it is to be" if new == text else "is written" if write else "is not written; --write writes it"
    click.echo(f"{path} {outcome}", err=True)


def _whole(file: Path) -> Report:
    from ...catalogue import revisions
    from ...report.identity import left_out
    from ...report.report import InvalidReport, TruncatedReport, UnmergedShard, check_merged, read
    from ...show.left_out import left_out_lines

    try:
        report = read(file)
        check_merged(report)
    except UnmergedShard as error:
        fail(f"{file}: {error}")
    except InvalidReport as error:
        fail(str(error), 3 if isinstance(error, TruncatedReport) else 2)
    for line in left_out_lines(left_out(report.requirements, revisions())):
        click.echo(line, err=True)
    if report.header.selection.probe:
        fail(f"{file}: a probe of what is undeclared; declare it, and run it again")
    if report.header.selection.cells:
        fail(f"{file}: judged on single cells, which tell nothing of a requirement's others; run it without --cell")
    return report.restricted(revisions())


def _runs(report: Report, names: Sequence[str]) -> list[Seen]:
    from .proposal import seen

    runs, subjects = [], {subject.sparsifier: subject for subject in report.header.subjects}
    for name in dict.fromkeys(names):
        if name not in subjects:
            fail(f"the report is not about {name!r}; it is about {', '.join(subjects)}")
        subject = subjects[name]
        if subject.declaration is None or subject.environment is None:
            fail(f"{name} was not judged: {subject.problem}")
        if not (balance := report.balance(subject)):
            fail(f"the ledger of {name} does not balance: {balance}; run it again", 3)
        runs.append(seen(subject.declaration, subject.environment, subject.planned, report.of(name)))
    return runs


def _place(names: Sequence[str], adapters: Sequence[Path]) -> Path:
    """The one expectation file of all that are named."""
    from ...adapter.discovery import BrokenAdapter, NotFound, find, load

    try:
        places = {name: load(find(name, adapters)).expectations for name in names}
    except (BrokenAdapter, NotFound) as error:
        fail(str(error))
    if len(set(places.values())) > 1:
        about = {place: ", ".join(name for name in names if places[name] == place) for place in places.values()}
        where = "; ".join(f"{place} is about {those}" for place, those in about.items())
        fail(f"more than one expectation file: {where}; name those of one by --sparsifier")
    return next(iter(places.values()))


def _tell(entries: Sequence[Expectation], proposal: Proposal) -> None:
    for entry, revised in zip(entries, proposal.revised, strict=True):
        if revised != (entry,):
            click.echo(f"{'narrower' if revised else 'gone'}: {entry.requirement} {entry.signature}", err=True)
    for entry in proposal.added:
        click.echo(f"added, say why: {entry.requirement} {entry.signature}", err=True)
