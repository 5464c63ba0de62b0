"""`sparsecheck report` and `sparsecheck schema`: show reports, and their JSON Schema."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .finish import finish
from .output import check_writable, showing_errors, write_files
from .paths import InputPath, OutputPath
from .terminal import echo_document

if TYPE_CHECKING:
    from ..report.report import Report


@click.command()
@click.argument("files", metavar="REPORT...", nargs=-1, required=True,
                type=InputPath())
@click.option("--report", "target", type=OutputPath(),
              help="Write the combined report to this file (JSON Lines).")
@click.option("--carry", "older", multiple=True, type=InputPath(),
              help="For unavailable cells, show the verdicts of this report from another machine, uncounted.")
@click.option("--require", "required", multiple=True, metavar="NAME", help="Fail unless NAME was judged.")
@click.option("--junit", "xml", type=OutputPath(),
              help="Write the verdicts to this JUnit XML file.")
@click.option("--markdown", type=OutputPath(),
              help="Write the failures to this Markdown file, for a CI summary page (below 60 kB).")
def report(
    files: tuple[Path, ...], target: Path | None, older: tuple[Path, ...], required: tuple[str, ...],
    xml: Path | None, markdown: Path | None,
) -> None:
    """Show the verdicts in the REPORTs.

    Each must be about other sparsifiers. The exit code is that of a single run of all of them.
    """
    check_writable(target, "--report")
    with showing_errors("sparsecheck", xml, markdown):
        joined, notes = _read(files, older)
    finish(joined, target, required, notes, at_least=_write(joined, required, xml, markdown))


def _read(files: Sequence[Path], older: Sequence[Path]) -> tuple[Report, tuple[str, ...]]:
    """Return the joined report, and the lines to show below it."""
    from ..report.consistency import is_comparable
    from ..report.joining import aligned, join
    from ..report.report import read, read_whole
    from ..show.carried import carried, carried_lines
    from ..show.left_out import left_out_lines

    reports, omitted = aligned([read(file) for file in files])
    interruptions = [one.footer.interrupted for one in reports if one.footer is not None and one.footer.interrupted]
    joined = join(reports, interrupted="; ".join(interruptions))
    elsewhere = tuple(carried(joined, [read_whole(file) for file in older]))
    unknown = [str(file) for file, one in zip(files, reports, strict=True) if not is_comparable(one.header)]
    compared = (f"{file} does not say which sparsecheck planned it, so its plan was not checked" for file in unknown)
    return joined, (*compared, *left_out_lines(omitted), *carried_lines(elsewhere))


def _write(judged: Report, required: Sequence[str], xml: Path | None, markdown: Path | None) -> int:
    from ..report.reasons import reasons
    from ..show.junit import junit
    from ..show.run_page import report_markdown

    found = tuple(reasons(judged, required))
    pages: dict[Path | None, str | bytes] = {xml: junit(judged, found)} if xml else {}
    return write_files({**pages, markdown: report_markdown(judged, found)} if markdown else pages)


@click.command()
def schema() -> None:
    """Print the JSON Schema of one line of a report."""
    import json

    from ..report.lines import schema as line_schema

    echo_document(json.dumps(line_schema(), indent=2, sort_keys=True) + "\n")
