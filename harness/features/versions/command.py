"""`sparsecheck matrix`: the same sparsifiers on one torch after the other, as pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...commands.failure import fail
from ...commands.page_files import check_asked, told, write

if TYPE_CHECKING:
    from .versions import Matrix


@click.command()
@click.argument("files", metavar="REPORT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write one self-contained page here.")
@click.option("--markdown", type=click.Path(path_type=Path, dir_okay=False), help="Write one page of Markdown here.")
def matrix(files: tuple[Path, ...], html: Path | None, markdown: Path | None) -> None:
    """Write the version matrix, sparsifier x torch, from the REPORTs of one run on each torch: the results, and for
    each cell that changed, since which torch. A folder stands for all reports in it, *.jsonl and *.jsonl.gz.

    Exit codes: 0 it is written, whatever the verdicts; 2 bad usage, or what is no report or does not combine; 3 a
    report was cut short. Nothing is written then.
    """
    check_asked(html, markdown)
    of = _matrix([report for file in files for report in _reports(file)])
    pages = {html: _html(of)} if html is not None else {}
    if markdown is not None:
        pages[markdown] = _markdown(of)
    write(pages)


def _reports(file: Path) -> list[Path]:
    if not file.is_dir():
        return [file]
    found = sorted((*file.glob("*.jsonl"), *file.glob("*.jsonl.gz")))
    return found or fail(f"{file}: there is no report in this folder; one ends in .jsonl or .jsonl.gz")


def _matrix(files: Sequence[Path]) -> Matrix:
    from .versions import matrix

    return told(files, matrix)


def _html(of: Matrix) -> str:
    from .page_html import matrix_html

    return matrix_html(of)


def _markdown(of: Matrix) -> str:
    from .markdown import matrix_markdown

    return matrix_markdown(of)
