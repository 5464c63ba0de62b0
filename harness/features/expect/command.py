"""`sparsecheck expect`: generate the expectations that would make a run green."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ... import files
from ...commands.paths import AdapterFile, InputPath
from ...commands.terminal import echo, echo_document
from ...errors import BadUsage, NotJudged

if TYPE_CHECKING:
    from ...report.expectation import Expectation
    from ...report.report import Report
    from .proposal import Proposal
    from .seen import Seen


@click.command()
@click.argument("file", metavar="REPORT", type=InputPath())
@click.option("--sparsifier", "names", multiple=True, metavar="NAME",
              help="Only these sparsifiers. They must share one expectation file.")
@click.option("--adapter", "adapters", multiple=True, type=AdapterFile(),
              help="The adapter file that was given to the run.")
@click.option("--write", is_flag=True, help="Write the file next to the adapter instead of printing it.")
def expect(file: Path, names: tuple[str, ...], adapters: tuple[Path, ...], write: bool) -> None:
    """Generate an expectation file for the failures in REPORT.

    Entries that explain failures are kept, with their comments. An entry whose cells pass again is deleted, or
    narrowed to the cells that still fail. Failures that no entry explains get one entry per cause, which is as narrow
    as these failures. Its reason is UNEXPLAINED, and the file cannot be used until you have replaced it.
    """
    from ...report.expectation_file import parse_entries, read_text
    from .proposal import propose
    from .rewriting import rewritten

    report = _whole(file)
    names = names or tuple(subject.sparsifier for subject in report.header.subjects)
    runs, path = _runs(report, names), _place(names, adapters)
    text = read_text(path)
    entries = parse_entries(text, str(path))
    proposal = propose(entries, runs)
    new = rewritten(text, str(path), proposal)
    if write and new != text:
        files.write(path, new)
    if not write:
        echo_document(new)
    _show(entries, proposal)
    outcome = "needs no change" if new == text else "was written" if write else "was not written; add --write to do so"
    echo(f"{path} {outcome}", err=True)


def _whole(file: Path) -> Report:
    from ...catalogue import revisions
    from ...report.identity import left_out
    from ...report.report import read_whole
    from ...show.left_out import left_out_lines

    report = read_whole(file)
    for line in left_out_lines(left_out(report.requirements, revisions())):
        echo(line, err=True)
    if report.header.selection.cells:
        raise BadUsage(
            f"{file} is the report of a run with --cell, which does not show how far a defect reaches",
            "Run it without --cell.",
        )
    return report.restricted(revisions())


def _runs(report: Report, names: Sequence[str]) -> list[Seen]:
    from ...suggestions import UnknownName
    from .seen import seen

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
    """Return the expectation file that all named sparsifiers share."""
    from ...adapter.discovery import find, load

    places = {name: load(find(name, adapters)).expectations for name in names}
    if len(set(places.values())) > 1:
        about = {place: ", ".join(name for name in names if places[name] == place) for place in places.values()}
        where = "; ".join(f"{place} for {those}" for place, those in about.items())
        raise BadUsage(f"the sparsifiers have several expectation files: {where}", "Name the sparsifiers of one file "
                       "with --sparsifier.")
    return next(iter(places.values()))


def _show(entries: Sequence[Expectation], proposal: Proposal) -> None:
    """Print on standard error which entries are narrowed, deleted and added."""
    if any(not entry.id for entry in entries) and any(entry.id for entry in proposal.entries):
        count = sum(map(len, proposal.revised))
        echo(f"rewritten as [[defect]]: {len(entries)} entries of the older form became {count}", err=True)
    else:
        for entry, revised in zip(entries, proposal.revised, strict=True):
            if revised != (entry,):
                echo(f"{'narrowed' if revised else 'deleted'}: {_title(entry)}", err=True)
    for entry in proposal.added:
        echo(f"added, give the reason: {_title(entry)}", err=True)


def _title(entry: Expectation) -> str:
    scope = f"{' or '.join(entry.signatures)} in {', '.join(entry.requirements or entry.cells)}"
    return f"{entry.id}: {scope}" if entry.id else scope
