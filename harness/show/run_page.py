"""Render a report as Markdown for the summary page of a CI run, within its size limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..errors import SparsecheckError
from ..report.reasons import NOT_JUDGED, Reason, reasons
from ..report.report import Report
from ..values.record import LevelOutcome, Outcome, Verdict
from .defects import Failures, by_cause, conformance, counted, known_defects, of_requirement, result, verdict_counts
from .escaping import one_line
from .markdown import plain
from .reason_lines import reason_lines

MOST = 59_000
"""The size limit of a page in bytes, below that of a comment or summary."""

CHECK, CROSS = "\N{WHITE HEAVY CHECK MARK}", "\N{CROSS MARK}"

READ = 2_000
"""The number of characters of a message from which a line is made."""

_UNEXPECTED = (Verdict.ERROR, Verdict.NOT_RUN, Verdict.FAILED, Verdict.STALE, Verdict.PROVISIONAL)


def page(head: str, blocks: Sequence[str]) -> str:
    """Return the head and as many blocks as fit, in order, followed by the number of blocks that did not fit."""
    kept, room = [head], MOST - len(head.encode()) - 100
    for number, block in enumerate(blocks):
        room -= len(block.encode())
        if room < 0:
            kept.append(f"\n*{len(blocks) - number} of {len(blocks)} entries are left out here; the report has all.*\n")
            break
        kept.append(block)
    return "".join(kept)


def report_markdown(report: Report, found: Iterable[Reason] | None = None) -> str:
    """Return a page with a row per sparsifier, worst first, the red cells by cause, and the known defects.

    Its heading says whether the command exits with 0, and the lines below it why not.

    Args:
        report: The report.
        found: The reasons why the command does not exit with 0; those of the report itself by default.
    """
    found = tuple(reasons(report) if found is None else found)
    outcomes = sorted(report.outcomes(), key=_badness)
    title = "\n| sparsifier | result | core | extended | cells |\n|---|---|---|---|---|\n"
    lines = [title, *(_row(report, one) for one in outcomes)]
    names = [one.sparsifier for one in outcomes]
    red = [block for verdict in _UNEXPECTED for name in names for block in _failing(report, name, verdict)]
    known = [block for name in names for block in _known(report, name)]
    return page(heading("sparsecheck", found) + "".join(_cut(report)), [*_reasons(found), *lines, *red, *known])


def markdown_of_error(title: str, error: SparsecheckError) -> str:
    """Return the page of a command that ended with an error before there was anything to show."""
    found = [Reason(error.exit_code, NOT_JUDGED, "", str(error))]
    return page(heading(title, found), [*_reasons(found)])


def heading(title: str, found: Sequence[Reason]) -> str:
    """Return the heading of a page, with a sign that shows whether the command exits with 0."""
    return f"## {CROSS if found else CHECK} {title}\n"


def _reasons(found: Iterable[Reason]) -> Iterator[str]:
    yield from (f"\n- {CROSS} {plain(line)}\n" for line in reason_lines(found))


def _cut(report: Report) -> Iterator[str]:
    if report.footer is None or report.footer.interrupted:
        yield "\n**The run is incomplete and gives no verdict.**\n"
    if report.header.selection:
        yield "\nOnly a selection was judged.\n"


def _badness(outcome: Outcome) -> tuple[bool, bool, bool]:
    has_defects = any(level is not None and level.defects for level in (outcome.core, outcome.extended))
    return outcome.balanced and outcome.result != "red", outcome.result == "green", not has_defects


def _row(report: Report, outcome: Outcome) -> str:
    problem = next((one.problem for one in report.header.subjects if one.sparsifier == outcome.sparsifier), "")
    counts = verdict_counts(outcome.counts)
    word = "not judged" if problem else result(outcome).lower()
    shown = (outcome.sparsifier, word, _level(outcome.core), _level(outcome.extended), problem or counts)
    return f"| {' | '.join(plain(one_line(text[:READ], 300)) for text in shown)} |\n"


def _level(level: LevelOutcome | None) -> str:
    return f"{conformance(level)} ({level.judged} of {level.applicable})" if level is not None else ""


def _failing(report: Report, name: str, verdict: Verdict) -> Iterator[str]:
    """Yield a block per requirement, with a line per cause."""
    records = [record for record in report.of(name) if record.verdict is verdict]
    for id, those in of_requirement(records):
        lines = [line for failures in by_cause(those) for line in _cause(failures)]
        yield _block(f"{verdict.value}: {name} {id}, {counted(len(those), 'cell')}", lines)


def _cause(failures: Failures) -> Iterator[str]:
    first = failures.first
    why = first.message[:READ] + (f" (because: {first.reason})" if first.reason else "")
    if why:
        yield f"{counted(len(failures.records), 'cell')}: {why[: 2 * READ]}"


def _known(report: Report, name: str) -> Iterator[str]:
    """Yield a block per known defect, worst first, with its reason, its cells and all its causes."""
    for defect in known_defects(report.of(name)):
        link = f" ({defect.first.link})" if defect.first.link else ""
        lines = [f"{defect.first.reason[:READ]}{link[:READ]}", f"breaks {defect.breaks}"]
        lines += [line for cause in defect.causes for line in _seen(cause)]
        yield _block(f"known defect: {name} {defect.title}", [line for line in lines if line])


def _seen(failures: Failures) -> Iterator[str]:
    if message := failures.first.message[:READ]:
        yield f"seen in {counted(len(failures.records), 'cell')}: {message}"


def _block(title: str, lines: Sequence[str]) -> str:
    items = "".join(f"\n  - {plain(one_line(line, 400))}" for line in lines)
    return f"\n- **{plain(one_line(title, 300))}**{items}\n"
