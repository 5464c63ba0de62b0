"""`sparsecheck gate`: fails on what got worse since a baseline, and on nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ...commands.output import put

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("file", metavar="REPORT", type=_FILE)
@click.option("--baseline", required=True, type=_FILE, help="The report of an earlier run, to hold it against.")
@click.option("--junit", "xml", type=_FILE, help="Write the verdicts of REPORT here, as JUnit XML.")
@click.option("--markdown", type=_FILE, help="Write what changed here, for the page of a CI run; under 60 kB.")
def gate(file: Path, baseline: Path, xml: Path | None, markdown: Path | None) -> None:
    """Hold REPORT against the report of an earlier run, cell by cell.

    Worse are new failures, lost cells, shrunk capabilities, verdicts that are weaker (passed before, a known failure
    or refused now), and changed behaviour (another kind of failure, a contract declared otherwise). What was red
    before and is so still is not worse; what got better is told and fails nothing.

    Exit codes: 0 nothing is worse; 1 something is; 2 bad usage, or a file that is not a report; 3 a report was cut
    short, or nothing could be compared.
    """
    from ...report.comparison import compare
    from ...report.report import read_whole
    from ...show.junit import junit
    from .gate_page import gate_markdown, told

    old, new = read_whole(baseline), read_whole(file)
    comparison = compare(old, new)
    for line in told(old, new, comparison):
        click.echo(line)
    pages: dict[Path | None, str | bytes] = {xml: junit(new)} if xml else {}
    if markdown:
        pages[markdown] = gate_markdown(old, new, comparison)
    sys.exit(max(comparison.exit_code, put(pages)))
