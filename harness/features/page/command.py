"""`sparsecheck page`: the field, as pages that others can read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ...commands.page_files import check_asked, read_all, write

if TYPE_CHECKING:
    from ...show.results import Field


@click.command()
@click.argument("files", metavar="REPORT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write one self-contained page here.")
@click.option("--markdown", type=click.Path(path_type=Path, dir_okay=False), help="Write one page of Markdown here.")
@click.option("--carry", "older", multiple=True, type=click.Path(path_type=Path),
              help="Show, uncounted, what this report of a machine with an accelerator says of unavailable cells.")
def page(files: tuple[Path, ...], html: Path | None, markdown: Path | None, older: tuple[Path, ...]) -> None:
    """Write the field, sparsifier x requirement, from the REPORTs of one environment or more.

    Exit codes: 0 it is written, whatever the verdicts; 2 bad usage, or reports that do not combine; 3 a
    report was cut short. Nothing is written then.
    """
    check_asked(html, markdown)
    field = _field(files, older)
    pages = {html: _html(field)} if html is not None else {}
    if markdown is not None:
        pages[markdown] = _markdown(field)
    write(pages)


def _field(files: tuple[Path, ...], older: tuple[Path, ...]) -> Field:
    from ...show.results import field

    return field(read_all(files), read_all(older))


def _html(field: Field) -> str:
    from .page_html import field_html

    return field_html(field)


def _markdown(field: Field) -> str:
    from .markdown import field_markdown

    return field_markdown(field)
