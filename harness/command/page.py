"""`sparsecheck page`: the field, as pages that others can read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .failure import fail

if TYPE_CHECKING:
    from ..telling.field import Field


@click.command()
@click.argument("files", metavar="REPORT...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write one self-contained page here.")
@click.option("--markdown", type=click.Path(path_type=Path, dir_okay=False), help="Write one page of Markdown here.")
@click.option("--carry", "older", multiple=True, type=click.Path(path_type=Path),
              help="Show, uncounted, what this report of a machine with an accelerator says of unavailable cells.")
def page(files: tuple[Path, ...], html: Path | None, markdown: Path | None, older: tuple[Path, ...]) -> None:
    """Write the field, sparsifier x requirement, from the REPORTs of one environment or more.

    Exit codes: 0 it is written, whatever the verdicts; 2 bad usage, or what is no report or does not combine; 3 a
    report was cut short. Nothing is written then.
    """
    if html is None and markdown is None:
        fail("nothing to write: name a file by --html, --markdown or both")
    if html is not None:
        _check_jinja()
    field = _field(files, older)
    pages = {html: _html(field)} if html is not None else {}
    if markdown is not None:
        pages[markdown] = _markdown(field)
    _write(pages)


def _check_jinja() -> None:
    try:
        import jinja2  # noqa: F401
    except ImportError:
        fail("the HTML page needs jinja2: pip install 'sparsecheck[pages]'")


def _field(files: tuple[Path, ...], older: tuple[Path, ...]) -> Field:
    from ..judging.report import FooterDisagrees, InvalidReport, TruncatedReport, read
    from ..telling.field import CutShort, field

    for file in (*files, *older):
        if not file.is_file():
            fail(f"{file}: there is no such report; a run with --report writes it, or its tox environment")
    try:
        reports = [read(file) for file in files]
        if any(report.header.selection.probe for report in reports):
            fail("a probe of what is undeclared is no verdict; declare it, and run it again")
        return field(reports, [read(file) for file in older])
    except (InvalidReport, CutShort, OSError) as error:
        fail(str(error), 3 if isinstance(error, (TruncatedReport, FooterDisagrees, CutShort)) else 2)


def _html(field: Field) -> str:
    from ..telling.field_html import field_html

    return field_html(field)


def _markdown(field: Field) -> str:
    from ..telling.field_markdown import field_markdown

    return field_markdown(field)


def _write(pages: dict[Path, str]) -> None:
    """All or none, as far as can be known before."""
    parts = {path: path.with_name(path.name + ".part") for path in pages}
    try:
        for path, part in parts.items():
            part.write_bytes(pages[path].encode("utf-8"))
        for path, part in parts.items():
            part.replace(path)
            click.echo(f"{path} is written")
    except OSError as error:
        fail(f"{error.filename} could not be written ({error.strerror}); its folder has to be there")
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
