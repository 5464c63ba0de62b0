"""`sparsecheck versions`: write the versions page, as HTML or Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...commands.page_files import check_outputs, read_all, write_pages
from ...commands.paths import InputPath, OutputPath
from ...errors import BadUsage

if TYPE_CHECKING:
    from .table import VersionTable


@click.command()
@click.argument("files", metavar="REPORT...", nargs=-1, required=True, type=InputPath(exists=False, dir_okay=True))
@click.option("--html", type=OutputPath(),
              help="Write a self-contained HTML page to this file.")
@click.option("--markdown", type=OutputPath(),
              help="Write a Markdown page to this file.")
def versions(files: tuple[Path, ...], html: Path | None, markdown: Path | None) -> None:
    """Write the versions page, which compares torch versions.

    The page shows the results per sparsifier and torch version, and the version with which each cell changed.

    Give one REPORT per torch version, or a folder, which stands for every *.jsonl and *.jsonl.gz file in it.

    Exit codes: 0 written, whatever the verdicts; 2 bad usage, or a file that is not a report or does not combine with
    the others; 3 an incomplete report. With 2 and 3, nothing is written.
    """
    check_outputs(html, markdown)
    table = _tabulated([report for file in files for report in _reports(file)])
    pages = {html: _html(table)} if html is not None else {}
    if markdown is not None:
        pages[markdown] = _markdown(table)
    write_pages(pages)


def _reports(file: Path) -> list[Path]:
    if not file.is_dir():
        return [file]
    found = sorted((*file.glob("*.jsonl"), *file.glob("*.jsonl.gz")))
    if not found:
        raise BadUsage(f"there is no report in the folder {file}", "The name of a report ends in .jsonl or .jsonl.gz.")
    return found


def _tabulated(files: Sequence[Path]) -> VersionTable:
    from .table import tabulate

    return tabulate(read_all(files))


def _html(table: VersionTable) -> str:
    from .html import render_html

    return render_html(table)


def _markdown(table: VersionTable) -> str:
    from .markdown import render_markdown

    return render_markdown(table)
