"""Render a comparison of two reports as plain text, or as Markdown for the summary page of a CI run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ...errors import INCOMPLETE, OK, RED
from ...report.comparison import Change, Comparison, Kind
from ...report.report import Report
from ...show.defects import counted, repeat_command, sentence
from ...show.escaping import one_line
from ...show.left_out import left_out_lines
from ...show.markdown import code, plain
from ...show.origin import code_of
from ...show.run_page import READ, heading, page
from ...values.origin import short_digest
from ...values.record import Subject

TITLE = "sparsecheck gate"

_LISTED = 5
_WORDS = {
    Kind.NEW_FAILURE: ("new failure", "new failures"), Kind.LOST: ("cell lost", "cells lost"),
    Kind.SHRUNK: ("capability shrunk", "capabilities shrunk"), Kind.WEAKER: ("weaker verdict", "weaker verdicts"),
    Kind.CHANGED: ("change of behaviour", "changes of behaviour"), Kind.FIXED: ("cell fixed", "cells fixed"),
    Kind.GROWN: ("capability grown", "capabilities grown"), Kind.JUDGED: ("cell newly judged", "cells newly judged"),
    Kind.PROVISIONAL: ("provisional failure", "provisional failures"),
}


def render_text(baseline: Report, new: Report, comparison: Comparison) -> Iterator[str]:
    """Yield the verdict, other differences between the two runs, and the changes, the worst first."""
    yield verdict(comparison)
    yield from (f"  {line}" for line in run_differences(baseline, new, comparison))
    for title, changes in _sections(comparison):
        if changes:
            yield f"{title.lower()}:"
        for change in changes:
            yield f"  {_headline(change)}"
            yield from (f"    {line}" for line in _first(change))
            yield from (f"    repeat: {command}" for command in _repeat(change, new))


def verdict(comparison: Comparison) -> str:
    """Return one line: whether anything got worse, the number of cells compared, and the number of changes by kind."""
    word = {OK: "NOTHING GOT WORSE", RED: "WORSE", INCOMPLETE: "NOTHING COMPARED"}[comparison.exit_code]
    counts = Counter[Kind]()
    for change in comparison.changes:
        counts[change.kind] += change.count
    parts = [_change_count(kind, counts[kind]) for kind in Kind if counts[kind]]
    return f"{word}: " + ", ".join((f"{counted(comparison.compared, 'cell')} compared", *parts))


def _change_count(kind: Kind, count: int) -> str:
    return f"{count} {_WORDS[kind][count != 1]}"


def run_differences(baseline: Report, new: Report, comparison: Comparison) -> Iterator[str]:
    """Yield a line for each difference between the runs: in version, torch, machine, catalogue or selection."""
    before = {subject.sparsifier: _facts(subject) for subject in baseline.header.subjects}
    differences: dict[str, list[str]] = {}
    for subject in new.header.subjects:
        was = before.get(subject.sparsifier, {})
        for what, value in _facts(subject).items():
            if what in was and was[what] != value:
                line = f"{what} {was[what] or 'none'} before, {value or 'none'} now"
                differences.setdefault(one_line(line, 200), []).append(subject.sparsifier)
    for line, names in differences.items():
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        yield f"{line}: {one_line(', '.join(names[:_LISTED]), 200)}{more}"
    yield from left_out_lines(comparison.left_out)
    if comparison.outside:
        yield f"{counted(comparison.outside, 'cell')} in the selection of one run only: not compared"


def _facts(subject: Subject) -> dict[str, str]:
    declaration, environment = subject.declaration, subject.environment
    if declaration is None or environment is None:
        return {}
    return {
        "package": declaration.package, "torch": environment.torch, **_code(subject),
        "numpy": environment.numpy, "python": environment.python, "platform": environment.platform,
        "devices": " ".join(environment.devices), "accelerator": environment.accelerator,
    }


def _code(subject: Subject) -> dict[str, str]:
    """Return the code and the expectations that were judged; none if an older report does not state them."""
    if subject.fingerprint is None:
        return {}
    return {"code": code_of(subject), "expectations": short_digest(subject.fingerprint.expectations)}


def _headline(change: Change) -> str:
    about = f" {change.requirement}" if change.requirement else ""
    cells = f" ({counted(len(change.cells), 'cell')})" if change.cells else ""
    return one_line(f"{change.kind.value.upper()}: {change.sparsifier}{about}: {change.what}{cells}")


def _first(change: Change) -> Iterator[str]:
    if text := sentence(change.requirement):
        yield text
    if change.message:
        yield one_line(change.message[:READ])


def _repeat(change: Change, new: Report) -> Iterator[str]:
    """Yield the command that judges one of the failing cells again."""
    files = {subject.sparsifier: subject.adapter for subject in new.header.subjects}
    if change.kind in (Kind.NEW_FAILURE, Kind.WEAKER, Kind.CHANGED) and change.cells:
        yield repeat_command(files.get(change.sparsifier, ""), change.cells[0])


def gate_markdown(baseline: Report, new: Report, comparison: Comparison) -> str:
    """Return the comparison as Markdown, the worst first, within the size limit of a CI summary page."""
    head = f"{heading(TITLE, comparison.reasons)}\n**{plain(verdict(comparison))}**\n"
    notes = [f"- {plain(line)}\n" for line in run_differences(baseline, new, comparison)]
    blocks = [block for title, changes in _sections(comparison) for block in _blocks(title, changes, new)]
    return page(head, [*blocks, *notes])


def _sections(comparison: Comparison) -> tuple[tuple[str, Sequence[Change]], ...]:
    return ("Worse", comparison.worse), ("Provisional, not red", comparison.provisional), ("Better", comparison.better)


def _blocks(title: str, changes: Sequence[Change], new: Report) -> Iterator[str]:
    for number, change in enumerate(changes):
        heading = f"\n### {title}\n\n" if number == 0 else ""
        lines = [f"- **{plain(_headline(change))}**", *(f"  - {plain(line)}" for line in _first(change))]
        lines += [f"  - repeat: {code(command)}" for command in _repeat(change, new) if len(command) <= 600]
        yield heading + "\n".join(lines) + "\n"
