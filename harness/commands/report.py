"""`sparsecheck report` and `sparsecheck schema`: show reports, and their JSON Schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .finish import finish
from .output import check_writable, write_files

if TYPE_CHECKING:
    from ..report.report import Report


@click.command()
@click.argument("files", metavar="REPORT...", nargs=-1, required=True,
                type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--report", "target", type=click.Path(path_type=Path, dir_okay=False),
              help="Write the combined report to this file (JSON Lines).")
@click.option("--carry", "older", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="For unavailable cells, show the verdicts of this report from another machine, uncounted.")
@click.option("--junit", "xml", type=click.Path(path_type=Path, dir_okay=False),
              help="Write the verdicts to this JUnit XML file.")
@click.option("--markdown", type=click.Path(path_type=Path, dir_okay=False),
              help="Write the failures to this Markdown file, for a CI summary page (below 60 kB).")
def report(
    files: tuple[Path, ...], target: Path | None, older: tuple[Path, ...], xml: Path | None, markdown: Path | None
) -> None:
    """Show the verdicts in the REPORTs.

    Each must be about other sparsifiers. The exit code is that of a single run of all of them.
    """
    from ..report.joining import aligned, join
    from ..report.report import read, read_whole
    from ..show.carried import carried, carried_lines
    from ..show.left_out import left_out_lines

    check_writable(target, "--report")
    reports, omitted = aligned([read(file) for file in files])
    interruptions = [one.footer.interrupted for one in reports if one.footer is not None and one.footer.interrupted]
    joined = join(reports, interrupted="; ".join(interruptions))
    elsewhere = tuple(carried(joined, [read_whole(file) for file in older]))
    notes = (*left_out_lines(omitted), *carried_lines(elsewhere))
    finish(joined, target, notes=notes, at_least=_write(joined, xml, markdown))


def _write(judged: Report, xml: Path | None, markdown: Path | None) -> int:
    from ..show.junit import junit
    from ..show.run_page import report_markdown

    pages: dict[Path | None, str | bytes] = {xml: junit(judged)} if xml else {}
    return write_files({**pages, markdown: report_markdown(judged)} if markdown else pages)


@click.command()
def schema() -> None:
    """Print the JSON Schema of one line of a report."""
    import json

    from ..report.report import schema as line_schema

    click.echo(json.dumps(line_schema(), indent=2, sort_keys=True))
