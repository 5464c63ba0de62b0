"""The requirements that a comparison or a page leaves out, in plain text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..report.identity import LeftOut
from .defects import counted
from .escaping import one_line


def left_out_lines(found: Iterable[LeftOut]) -> Iterator[str]:
    """Yield one line per reason, with the requirements it applies to."""
    by_reason: dict[str, list[str]] = {}
    for one in found:
        by_reason.setdefault(one.reason, []).append(one.requirement)
    for reason, ids in by_reason.items():
        yield one_line(f"{counted(len(ids), 'requirement')} left out ({reason}): {', '.join(_ranges(ids))}", 1200)


def _ranges(ids: list[str]) -> Iterator[str]:
    """Yield the ids, with whole runs of one area shortened to their first and last."""
    runs: list[list[str]] = []
    for id in ids:
        area, _, number = id.rpartition("-")
        last_area, _, last_number = runs[-1][-1].rpartition("-") if runs else ("", "", "")
        if area == last_area and number.isdecimal() and int(number) == int(last_number) + 1:
            runs[-1].append(id)
        else:
            runs.append([id])
    for run in runs:
        yield f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(run)
