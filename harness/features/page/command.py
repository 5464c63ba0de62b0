"""`sparsecheck page`: write the results page, as HTML or Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...commands.page_files import check_outputs, read_all, write_pages
from ...commands.paths import InputPath, OutputPath

if TYPE_CHECKING:
    from ...show.results import ResultsTable


@click.command()
@click.argument("files", metavar="REPORT...", nargs=-1, required=True, type=InputPath(exists=False, dir_okay=True))
@click.option("--html", type=OutputPath(),
              help="Write a self-contained HTML page to this file.")
@click.option("--markdown", type=OutputPath(), help="Write a Markdown page to this file.")
@click.option("--carry", "older", multiple=True, type=InputPath(exists=False, dir_okay=True),
              help="For unavailable cells, show the verdicts of this report from another machine, uncounted.")
def page(files: tuple[Path, ...], html: Path | None, markdown: Path | None, older: tuple[Path, ...]) -> None:
    """Write the results page: sparsifiers x requirements.

    The REPORTs may come from several environments, each about other sparsifiers.

    Exit codes: 0 the page was written, whatever the verdicts; 2 bad usage, or the reports cannot be combined; 3 a
    report is incomplete. With 2 and 3, nothing is written.
    """
    check_outputs(html, markdown)
    table = _table(files, older)
    pages = {html: _html(table)} if html is not None else {}
    if markdown is not None:
        pages[markdown] = _markdown(table)
    write_pages(pages)


def _table(files: tuple[Path, ...], older: tuple[Path, ...]) -> ResultsTable:
    from ...show.results import tabulate

    return tabulate(read_all(files), read_all(older))


def _html(table: ResultsTable) -> str:
    from .html import render_html

    return render_html(table)


def _markdown(table: ResultsTable) -> str:
    from .markdown import render_markdown

    return render_markdown(table)
