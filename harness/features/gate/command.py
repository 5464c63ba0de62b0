"""`sparsecheck gate`: fails on what got worse since a baseline, and on nothing else."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...commands.ci_files import put
from ...commands.failure import fail

if TYPE_CHECKING:
    from ...report.report import Report

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

    Exit codes: 0 nothing is worse; 1 something is; 2 bad usage, or what is no report; 3 a report was cut short, or
    nothing could be compared.
    """
    from ...report.comparison import compare
    from ...report.report import InvalidReport
    from ...show.junit import junit
    from .gate_page import gate_markdown, told

    old = _read(baseline, "copy the report of a run that is as it should be there")
    new = _read(file, "a run with --report writes it")
    try:
        comparison = compare(old, new)
    except InvalidReport as error:
        fail(str(error), _code(error))
    for line in told(old, new, comparison):
        click.echo(line)
    pages: dict[Path | None, str | bytes] = {xml: junit(new)} if xml else {}
    if markdown:
        pages[markdown] = gate_markdown(old, new, comparison)
    sys.exit(max(comparison.exit_code, put(pages)))


def _read(file: Path, remedy: str) -> Report:
    from ...report.report import InvalidReport, read

    if not file.exists():
        fail(f"{file}: there is no such report; {remedy}")
    try:
        return read(file)
    except (InvalidReport, OSError) as error:
        fail(str(error), _code(error))


def _code(error: Exception) -> int:
    from ...report.comparison import InterruptedReport, UnbalancedReport
    from ...report.report import FooterDisagrees, TruncatedReport

    cut = (TruncatedReport, FooterDisagrees, InterruptedReport, UnbalancedReport)
    return 3 if isinstance(error, cut) else 2
