"""Write the files that a command produces in addition to its verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from .. import files
from ..errors import OK
from .command_line import show_error


def check_writable(path: Path | None, option: str) -> None:
    """Check before the work starts that the file given by `option` can be written, if one is given.

    Raises:
        CannotWrite: The file cannot be written.
    """
    if path is not None:
        files.check_writable(path, f"Name another file with {option}.")


def write_files(pages: Mapping[Path | None, str | bytes]) -> int:
    """Write each content to its file; skip entries without a file. An error is shown and stops nothing else.

    Returns:
        The exit code of the first error, or 0 if there is none.
    """
    code = OK
    for path, content in pages.items():
        try:
            if path is not None:
                files.write(path, content)
        except files.CannotWrite as error:
            show_error(error)
            code = code or error.exit_code
    return code


@contextmanager
def showing_errors(title: str, xml: Path | None, markdown: Path | None) -> Iterator[None]:
    """Write the JUnit and Markdown files also if a report is unusable, with an error in them.

    Otherwise files of an earlier run would go on saying that all is well.

    Raises:
        InvalidReport: The block raised it.
    """
    from ..report.report import InvalidReport
    from ..show.junit import junit_of_error
    from ..show.run_page import markdown_of_error

    try:
        yield
    except InvalidReport as error:
        pages: dict[Path | None, str | bytes] = {xml: junit_of_error(error)}
        write_files({**pages, markdown: markdown_of_error(title, error)})
        raise
