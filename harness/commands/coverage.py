"""The lines of the judged code that no cell executed, for `sparsecheck run --coverage`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..process.line_coverage import FileLines, JudgedLines

    Measurements = Mapping[str, JudgedLines | None]

_SHOWN = 5
"""The number of files without any executed line that are named."""


@contextmanager
def measuring(wanted: bool) -> Iterator[Path | None]:
    """Yield a folder for the measurements of a run, which is removed at the end, or None if nothing is measured.

    Raises:
        BadUsage: The library that measures is not installed.
    """
    if not wanted:
        yield None
        return
    from ..process.guardian import temporary_folder
    from ..process.line_coverage import check_installed

    check_installed()
    with temporary_folder() as folder:
        yield folder


def measurements(names: Sequence[str], folder: Path | None) -> Measurements:
    """Return the lines of each sparsifier, or None for one whose processes wrote none; empty without a folder."""
    from ..process.line_coverage import read

    return {} if folder is None else {name: read(folder / name) for name in names}


def as_json(found: Measurements) -> str:
    """Return the measurements as JSON."""
    return json.dumps({name: one and asdict(one) for name, one in found.items()}, indent=1) + "\n"


def coverage_lines(found: Measurements) -> Iterator[str]:
    """Yield the lines to print."""
    return (line for name, one in found.items() for line in _block(name, one))


def _block(name: str, lines: JudgedLines | None) -> Iterator[str]:
    yield ""
    if lines is None:
        yield f"{name}: its lines could not be measured, because its process did not end by itself"
        return
    statements, missing = (sum(getattr(one, key) for one in lines.files) for key in ("statements", "missing"))
    yield f"{name}: {missing} of {statements} lines were executed by no cell"
    yield from (_of_file(one) for one in lines.files if one.ranges)
    if lines.unimported:
        rest = len(lines.unimported) - _SHOWN
        more = f" and {rest} more" if rest > 0 else ""
        yield f"  never imported: {', '.join(lines.unimported[:_SHOWN])}{more}"


def _of_file(file: FileLines) -> str:
    return f"  {file.name}: {file.missing} of {file.statements}: {file.ranges}"
