"""Finish a command that ends in verdicts: write the report, show the verdicts, exit."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import files
from ..errors import INCOMPLETE, UNUSABLE
from ..files import CannotWrite, is_special
from .command_line import show_error
from .terminal import echo

if TYPE_CHECKING:
    from ..report.report import Report
    from ..run.partial_records import PartialRecords


def finish(
    judged: Report, path: Path | None, required: Sequence[str] = (), notes: tuple[str, ...] = (),
    parts: PartialRecords | None = None, at_least: int = 0,
) -> None:
    """Write a report, show its verdicts, and exit.

    Args:
        judged: The report of the run.
        path: The file to write it to, if any.
        required: Names of sparsifiers that must have been judged.
        notes: Lines to show last, about sparsifiers or requirements that were not judged.
        parts: The partial records of the run, which are kept if the report cannot be written.
        at_least: The lowest exit code.
    """
    from ..report.reasons import LACKING, exit_code, reasons
    from ..show.origin import origin_lines
    from ..show.summary import summary

    code = max(exit_code(judged, required), at_least)
    if not _is_written(judged, path, parts):
        code = INCOMPLETE
    for line in (*origin_lines(judged), *summary(judged), *notes):
        echo(line)
    if lacking := [one.sparsifier for one in reasons(judged, required) if one.kind == LACKING]:
        echo(f"sparsecheck: {LACKING}: {', '.join(lacking)}", err=True)
    sys.exit(code)


def _is_written(judged: Report, path: Path | None, parts: PartialRecords | None) -> bool:
    from ..report.report import write

    try:
        if path is not None:
            _keep_earlier(judged, path)
            write(judged, path)
    except CannotWrite as error:
        kept = f"The records are kept in {path}.parts. Free some space, then finish with --resume."
        show_error(CannotWrite(error.path, error.reason, kept if parts is not None else "The verdicts follow."))
        return False
    if parts is not None:
        parts.discard()
    return True


def _keep_earlier(judged: Report, path: Path) -> None:
    """Keep a complete report as FILE~ if an incomplete one is about to replace it.

    Raises:
        CannotWrite: FILE~ cannot be written.
    """
    from ..report.reasons import exit_code
    from ..report.report import InvalidReport, read

    if exit_code(judged) < UNUSABLE or is_special(path) or not path.is_file():
        return
    try:
        earlier = read(path)
    except InvalidReport:
        return
    if exit_code(earlier) < UNUSABLE:
        kept = path.with_name(f"{path.name}~")
        files.write(kept, path.read_bytes())
        echo(f"sparsecheck: the new report is not complete; the earlier one is kept as {kept}", err=True)
