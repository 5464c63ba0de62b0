"""What the commands that write pages from reports have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from .failure import fail

if TYPE_CHECKING:
    from ..report.report import Report

Told = TypeVar("Told")


def check_asked(html: Path | None, markdown: Path | None) -> None:
    """Ends the command where it could write nothing."""
    if html is None and markdown is None:
        fail("nothing to write: name a file by --html, --markdown or both")
    if html is not None:
        _check_jinja()


def _check_jinja() -> None:
    try:
        import jinja2  # noqa: F401
    except ImportError:
        fail("the HTML page needs jinja2: pip install 'sparsecheck[pages]'")


def check_there(files: Sequence[Path]) -> None:
    """Ends the command where there is no such file."""
    for file in files:
        if not file.is_file():
            fail(f"{file}: there is no such report; a run with --report writes it, or its tox environment")


def told(files: Sequence[Path], tell: Callable[[Sequence[Report]], Told]) -> Told:
    """What `tell` makes of whole reports; where they are none, or it cannot, the command ends."""
    from ..report.report import FooterDisagrees, InvalidReport, TruncatedReport, read
    from ..show.results import CutShort

    check_there(files)
    try:
        reports = [read(file) for file in files]
        if any(report.header.selection.probe for report in reports):
            fail("a probe of what is undeclared is no verdict; declare it, and run it again")
        return tell(reports)
    except (InvalidReport, CutShort, OSError) as error:
        fail(str(error), 3 if isinstance(error, (TruncatedReport, FooterDisagrees, CutShort)) else 2)


def write(pages: dict[Path, str]) -> None:
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
