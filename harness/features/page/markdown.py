"""Render the table of results as one page of Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from ...show.carried import CARRIED
from ...show.defects import counted
from ...show.escaping import one_line
from ...show.left_out import left_out_lines
from ...show.markdown import code, link_suffix, plain, table_row
from ...show.results import Column, ResultsTable, ShownDefect, Square, by_cause
from ...show.standing import Standing

_HEAD = """# Results

Written by `sparsecheck page` from the reports of runs. `sparsecheck explain ID` describes a requirement in full; the
HTML page of the same command shows every cell.
"""


def render_markdown(table: ResultsTable) -> str:
    """Return the page: results per sparsifier, the table, then failures and known defects."""
    lines = [_HEAD, *_notes(table), *_overview(table), *_matrix(table)]
    lines += [line for column in table.columns for line in _failures(column)]
    lines += _carried(table)
    return "\n".join(lines).rstrip("\n") + "\n"


def _notes(table: ResultsTable) -> Iterator[str]:
    if table.selected:
        yield "**Only a selection was judged; the results do not cover the whole catalogue.**\n"
    yield from (f"{plain(line)}\n" for line in left_out_lines(table.left_out))


def _overview(table: ResultsTable) -> Iterator[str]:
    yield "## Sparsifiers\n"
    facts = [what for what, _ in table.columns[0].facts]
    titles = ("#", "sparsifier", "result", "by level", "judged on", "passed", "not passed, or not judged")
    yield table_row((*titles, *facts))
    yield "|---" * (7 + len(facts)) + "|"
    for number, column in enumerate(table.columns, 1):
        judged = f"{column.judged} of {len(column.squares)} requirements"
        passed = f"{column.passed} ({_in_part(column)} in part)"
        shown = (str(number), column.name, column.result, ". ".join(column.levels), judged, passed)
        yield table_row((*shown, _others(column), *(fact for _, fact in column.facts)))
    yield ""


def _in_part(column: Column) -> int:
    return column.counts.get(Standing.PART, 0)


def _others(column: Column) -> str:
    return ", ".join(one.counted(count) for one, count in column.counts.items() if not one.is_passed)


def _matrix(table: ResultsTable) -> Iterator[str]:
    yield "## Requirements\n\nThe columns are the sparsifiers, by their numbers above.\n"
    yield from (f"- `{one.sign}` {one.value}: {one.meaning}" for one in Standing)
    for area, rows in table.rows():
        yield f"\n### {area}\n\n" + table_row(("requirement", *map(str, range(1, len(table.columns) + 1)), "asks"))
        yield "|---" * (len(table.columns) + 2) + "|"
        for row in rows:
            requirement = row[0].requirement
            yield table_row((requirement.id, *(square.standing.sign for square in row), requirement.sentence))
    yield ""


def _failures(column: Column) -> Iterator[str]:
    """Yield why it could not be judged; its red cells by requirement; its known defects, the worst first."""
    name = plain(column.name)
    if column.problem:
        yield f"## {name}: not judged\n\n{plain(one_line(column.problem, 1200))}\n"
    if column.unexpected:
        yield f"## {name}: unexpected failures\n"
        for square in column.unexpected:
            yield from _failing(square)
        yield ""
    if column.defects:
        yield f"## {name}: {counted(len(column.defects), 'known defect')}\n"
        for defect in column.defects:
            yield from _defect(defect)
        yield ""


def _failing(square: Square) -> Iterator[str]:
    for cells in by_cause(square.unexpected):
        first, id = cells[0], square.requirement.id
        yield f"- **{id}** {first.standing.value} ({square.share(len(cells))}). {plain(square.requirement.sentence)}"
        yield f"  - seen: {plain(one_line(first.message, 300))}"
        if first.reason or first.link:
            yield f"  - because: {plain(one_line(first.reason, 600))}{link_suffix(first.link)}"
        yield f"  - repeat: {code(f'sparsecheck run {first.arguments}')}"


def _defect(defect: ShownDefect) -> Iterator[str]:
    yield f"- **{plain(defect.title)}**: {plain(one_line(defect.reason, 600))}{link_suffix(defect.link)}"
    yield f"  - breaks {plain(one_line(defect.breaks, 1200))}"
    yield from (f"  - seen in {cells}: {plain(one_line(message, 300))}" for cells, message in defect.seen)
    yield f"  - repeat: {code(f'sparsecheck run {defect.first.arguments}')}"


def _carried(table: ResultsTable) -> Iterator[str]:
    if not table.carried:
        return
    yield f"## Carried forward\n\n{CARRIED}\n"
    facts = [what for what, _ in table.carried[0].facts]
    yield table_row(("sparsifier", "cells", *facts))
    yield "|---" * (2 + len(facts)) + "|"
    for one in table.carried:
        yield table_row((one.sparsifier, one.counted, *(fact or "unknown" for _, fact in one.facts)))
    yield ""
