"""Steps of the commands that write pages from reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import BadUsage
from ..files import write_all
from .terminal import echo

if TYPE_CHECKING:
    from ..report.report import Report


def check_outputs(html: Path | None, markdown: Path | None) -> None:
    """Check that an output file is named and can be rendered.

    Raises:
        BadUsage: Neither file is named, or jinja2 is needed and not installed.
    """
    if html is None and markdown is None:
        raise BadUsage("there is nothing to write", "Name a file with --html, --markdown or both.")
    if html is not None:
        _check_jinja()


def _check_jinja() -> None:
    try:
        import jinja2  # noqa: F401
    except ImportError:
        raise BadUsage("the HTML page needs jinja2", "Run pip install 'sparsecheck[pages]'.") from None


def read_all(files: Sequence[Path]) -> list[Report]:
    """Read reports of whole runs.

    Raises:
        InvalidReport: A file is not the report of a whole run.
    """
    from ..report.report import read_whole

    return [read_whole(file) for file in files]


def write_pages(pages: dict[Path, str]) -> None:
    """Write all pages, or none if one cannot be written, and print their names.

    Raises:
        CannotWrite: A page cannot be written.
    """
    write_all(pages)
    for path in pages:
        echo(f"wrote {path}")
