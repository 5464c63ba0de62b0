"""Finish a command that ends in verdicts: write the report, show the verdicts, exit."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import INCOMPLETE, UNUSABLE
from ..files import CannotWrite
from .command_line import show_error

if TYPE_CHECKING:
    from ..report.report import Report
    from ..run.partial_records import PartialRecords


def finish(
    judged: Report, path: Path | None, required: tuple[str, ...] = (), notes: tuple[str, ...] = (),
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
    from ..report.report import exit_code
    from ..show.origin import origin_lines
    from ..show.summary import summary

    code = max(exit_code(judged), at_least)
    if not _is_written(judged, path, parts):
        code = INCOMPLETE
    for line in (*origin_lines(judged), *summary(judged), *notes):
        click.echo(line)
    if lacking := [name for name in required if name not in _judged(judged)]:
        click.echo(f"sparsecheck: required but not judged: {', '.join(lacking)}", err=True)
    sys.exit(max(code, UNUSABLE) if lacking or judged.header.selection.probe else code)


def _judged(report: Report) -> set[str]:
    """Return the sparsifiers that were judged; a shard may have no cell of one that the whole run judges."""
    pairs = zip(report.header.subjects, report.outcomes(), strict=True)
    return {
        subject.sparsifier for subject, outcome in pairs
        if subject.share is not None or (outcome.planned and outcome.result != "unavailable")
    }


def _is_written(judged: Report, path: Path | None, parts: PartialRecords | None) -> bool:
    from ..report.report import write

    try:
        if path is not None:
            write(judged, path)
    except CannotWrite as error:
        kept = f"The records are kept in {path}.parts. Free some space, then finish with --resume."
        show_error(CannotWrite(error.path, error.reason, kept if parts is not None else "The verdicts follow."))
        return False
    if parts is not None:
        parts.discard()
    return True
