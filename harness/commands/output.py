"""Files that commands write beside their verdict."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .. import files
from ..errors import OK
from .command_line import show_error


def check_writable(path: Path | None, option: str) -> None:
    """Check, before anything is done, that the file given by `option` can be written, if one is given.

    Raises:
        CannotWrite: It cannot.
    """
    if path is not None:
        files.check_writable(path, f"Name another file with {option}.")


def put(pages: Mapping[Path | None, str | bytes]) -> int:
    """Write each page to its file, where one is named.

    Returns:
        The exit code of the first error, which is shown and stops nothing else; 0 if there is none.
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
