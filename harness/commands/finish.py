"""How the commands that end in verdicts end: the report written, the verdicts told, the exit code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .failure import fail

if TYPE_CHECKING:
    from ..report.report import Report
    from ..run.partial_records import PartialRecords


def check_writable(report: Path | None, option: str) -> None:
    """Fail before there is something to write, if it could not be written."""
    from ..report import report as reports

    try:
        if report is not None:
            reports.check_writable(report)
    except OSError as error:
        fail(f"{report} cannot be written ({error.strerror}); name another file with {option}")


def tell(
    judged: Report, path: Path | None, required: tuple[str, ...] = (), left_out: tuple[str, ...] = (),
    parts: PartialRecords | None = None, at_least: int = 0,
) -> None:
    """Write `judged` to `path`, show it, and exit. required: names that must have been judged. left_out: lines on
    what was not. parts: what outlives a report that cannot be written. at_least: the exit code may not be less."""
    from ..report.report import exit_code
    from ..show.summary import summary

    code = max(exit_code(judged), at_least)
    if not _is_written(judged, path, parts):
        code = 3
    for line in (*summary(judged), *left_out):
        click.echo(line)
    if lacking := [name for name in required if name not in _judged(judged)]:
        fail(f"required but not judged: {', '.join(lacking)}", max(code, 2))
    sys.exit(max(code, 2) if judged.header.selection.probe else code)


def _judged(report: Report) -> set[str]:
    """A shard may have no cell of what all of them judge together."""
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
    except OSError as error:
        kept = f"what was recorded stays in {path}.parts: make room, and finish by --resume"
        after = kept if parts is not None else "the verdicts follow"
        click.echo(f"sparsecheck: {path} could not be written ({error}); {after}", err=True)
        return False
    if parts is not None:
        parts.discard()
    return True
