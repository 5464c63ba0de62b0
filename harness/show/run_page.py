"""Markdown for the page of a CI run, which takes only so much; and a report's verdicts as such a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from ..report.report import Report
from ..values.cell import Cell
from ..values.record import Outcome, Record, Verdict
from .escaping import one_line
from .markdown import plain

MOST = 59_000
"""Bytes of one page, less than what a comment or a summary takes."""

READ = 2_000
"""Characters of a message that are looked at, of which a line is to be made."""

_WORST_FIRST = (Verdict.ERROR, Verdict.NOT_RUN, Verdict.FAILED, Verdict.STALE, Verdict.KNOWN)


def page(head: str, blocks: Sequence[str]) -> str:
    """The head, and of the blocks as many as there is room for, in their order; how many there was none for."""
    kept, room = [head], MOST - len(head.encode()) - 100
    for number, block in enumerate(blocks):
        room -= len(block.encode())
        if room < 0:
            kept.append(f"\n*{len(blocks) - number} of {len(blocks)} entries are left out here; the report has all.*\n")
            break
        kept.append(block)
    return "".join(kept)


def report_markdown(report: Report) -> str:
    """A line a sparsifier, the worst first, then what is red or known to fail, and why."""
    outcomes = sorted(report.outcomes(), key=_badness)
    head = "## sparsecheck\n"
    lines = ["\n| sparsifier | result | cells |\n|---|---|---|\n", *(_row(report, one) for one in outcomes)]
    return page(head + "".join(_cut(report)), [*lines, *_failing(report)])


def _cut(report: Report) -> Iterator[str]:
    if report.footer is None or report.footer.interrupted:
        yield "\n**The run was cut short: nothing here is a verdict on the whole.**\n"
    if report.header.selection:
        yield "\nOnly a selection was judged.\n"


def _badness(outcome: Outcome) -> tuple[bool, bool]:
    return outcome.balanced and outcome.result != "failure", outcome.result == "success"


def _row(report: Report, outcome: Outcome) -> str:
    problem = next((one.problem for one in report.header.subjects if one.sparsifier == outcome.sparsifier), "")
    counts = ", ".join(f"{count} {verdict}" for verdict, count in outcome.counts.items())
    told = (outcome.sparsifier, "not judged" if problem else outcome.result, problem or counts)
    return f"| {' | '.join(plain(one_line(text[:READ], 300)) for text in told)} |\n"


def _failing(report: Report) -> Iterator[str]:
    def about(record: Record) -> tuple[int, str, str]:
        cell = Cell.parse(record.cell)
        return _WORST_FIRST.index(record.verdict), cell.sparsifier, cell.requirement

    shown = sorted((record for record in report.records if record.verdict in _WORST_FIRST), key=about)
    for (_, name, id), group in groupby(shown, key=about):
        cells = list(group)
        why = cells[0].message[:READ] + (f" (because: {cells[0].reason})" if cells[0].reason else "")
        title = f"{cells[0].verdict.value}: {name} {id}, {len(cells)} cell{'s' if len(cells) > 1 else ''}"
        told = f"\n  - {plain(one_line(why[: 2 * READ], 400))}" if why else ""
        yield f"\n- **{plain(one_line(title, 300))}**{told}\n"
