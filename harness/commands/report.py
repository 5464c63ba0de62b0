"""`sparsecheck report` and `sparsecheck schema`: show the verdicts that reports hold, and the form of a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .finish import tell
from .output import check_writable, put

if TYPE_CHECKING:
    from ..report.report import Report


@click.command()
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
    from ..report.report import aligned, join, read, read_whole
    from ..show.carried import carried, carried_lines
    from ..show.left_out import left_out_lines

    check_writable(joined, "--report")
    whole, found = aligned([read(file) for file in files])
    cut = [one.footer.interrupted for one in whole if one.footer is not None and one.footer.interrupted]
    together = join(whole, interrupted="; ".join(cut))
    others = tuple(carried(together, [read_whole(file) for file in older]))
    notes = (*left_out_lines(found), *carried_lines(others))
    tell(together, joined, left_out=notes, at_least=_put(together, xml, markdown))


def _put(judged: Report, xml: Path | None, markdown: Path | None) -> int:
    from ..show.junit import junit
    from ..show.run_page import report_markdown

    pages: dict[Path | None, str | bytes] = {xml: junit(judged)} if xml else {}
    return put({**pages, markdown: report_markdown(judged)} if markdown else pages)


@click.command()
def schema() -> None:
    """Print the JSON Schema of one line of a report."""
    import json

    from ..report.report import schema as of_a_line

    click.echo(json.dumps(of_a_line(), indent=2, sort_keys=True))
