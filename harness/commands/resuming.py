"""How `sparsecheck run` keeps its records beside its report, and goes on with those of a run that was interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

if TYPE_CHECKING:
    from ..report.report import Report
    from ..run.partial_records import PartialRecords
    from ..run.run_in_subprocesses import Run


@contextmanager
def parts_of(report: Path | None, resume: bool) -> Iterator[PartialRecords | None]:
    """Where the records are while the run goes on; none where they need not outlive it."""
    from ..run.partial_records import open_partial_records

    with open_partial_records(report, resume) as parts:
        yield parts


def judged_beside(parts: PartialRecords | None, asked: Run, resume: bool) -> Report:
    """The report of what was asked for, together with what an interrupted run of it had recorded."""
    from ..run.run_in_subprocesses import judge_in_subprocesses

    def tell(line: str) -> None:
        click.echo(line, err=True)

    if parts is None:
        return judge_in_subprocesses(asked, tell)
    earlier = _earlier(parts, asked) if resume else {}
    return judge_in_subprocesses(replace(asked, records=parts.begin_attempt(resume), earlier=earlier), tell)


def _earlier(parts: PartialRecords, asked: Run) -> dict[str, Report]:
    from importlib.metadata import version

    from ..report.resuming import earlier

    header = msgspec.structs.replace(asked.header, sparsecheck=version("sparsecheck"))
    found = dict(earlier(parts.sources(), asked.names, header))
    click.echo(f"{sum(len(one.records) for one in found.values())} records are kept", err=True)
    return found
