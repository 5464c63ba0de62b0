"""Keep the partial records of a run next to its report, and resume an interrupted run from them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..interrupts import Interrupted
from .terminal import echo

if TYPE_CHECKING:
    from ..report.report import Report
    from ..run.partial_records import PartialRecords
    from ..run.run_in_subprocesses import Run


@contextmanager
def keep_partial_records(report: Path | None, resume: bool) -> Iterator[PartialRecords | None]:
    """Yield the store of the records while the run is in progress, or None if the run writes no report."""
    from ..run.partial_records import open_partial_records

    with open_partial_records(report, resume) as parts:
        try:
            yield parts
        except Interrupted as interrupted:
            if parts is None or not parts.holds_records:
                raise
            hint = f"The records are kept in {parts.folder.name}. Finish with --resume."
            raise Interrupted(f"{interrupted}. {hint}") from None


def judge(parts: PartialRecords | None, asked: Run, resume: bool) -> Report:
    """Return the report of a run, including the reusable records of an interrupted run if it is resumed."""
    from ..run.run_in_subprocesses import judge_in_subprocesses

    def show(line: str) -> None:
        echo(line, err=True)

    if parts is None:
        return judge_in_subprocesses(asked, show)
    earlier = _earlier(parts, asked) if resume else {}
    return judge_in_subprocesses(replace(asked, records=parts.begin_attempt(resume), earlier=earlier), show)


def _earlier(parts: PartialRecords, asked: Run) -> dict[str, Report]:
    from ..report.resuming import earlier

    found = dict(earlier(parts.sources(), asked.names, asked.header))
    count = sum(len(one.records) for one in found.values())
    echo(f"resuming with {count} records of the interrupted run", err=True)
    return found
