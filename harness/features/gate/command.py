"""`sparsecheck gate`: fail if anything got worse since a baseline, and only then."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ...commands.output import showing_errors, write_files
from ...commands.paths import InputPath, OutputPath
from ...commands.terminal import echo

_REPORT, _OUTPUT = InputPath(exists=False), OutputPath()


@click.command()
@click.argument("file", metavar="REPORT", type=_REPORT)
@click.option("--baseline", required=True, type=_REPORT, help="The report of an earlier run.")
@click.option("--junit", "xml", type=_OUTPUT,
              help="Write the verdicts of REPORT to this JUnit XML file; regressions are its failures.")
@click.option("--markdown", type=_OUTPUT,
              help="Write the changes to this Markdown file, for a CI summary page (below 60 kB).")
def gate(file: Path, baseline: Path, xml: Path | None, markdown: Path | None) -> None:
    """Compare REPORT with a baseline; fail if anything got worse.

    A regression is a new failure, a lost cell, a shrunk capability, a weaker verdict (a known failure or a refusal
    that passed before), or changed behaviour (another kind of failure, another contract, an earlier
    catalogue stated). A failure that the baseline has too is not a regression. Improvements and provisional failures
    are listed and do not affect the exit code.

    Exit codes: 0 nothing got worse; 1 something did; 2 bad usage, or a file is not a report; 3 a report is
    incomplete, or nothing could be compared.
    """
    from ...report.comparison import compare
    from ...report.report import read_whole
    from ...show.junit import junit
    from .gate_page import TITLE, gate_markdown, render_text

    with showing_errors(TITLE, xml, markdown):
        old, new = read_whole(baseline), read_whole(file)
        comparison = compare(old, new)
    for line in render_text(old, new, comparison):
        echo(line)
    pages: dict[Path | None, str | bytes] = {xml: junit(new, comparison.reasons)} if xml else {}
    if markdown:
        pages[markdown] = gate_markdown(old, new, comparison)
    sys.exit(max(comparison.exit_code, write_files(pages)))
