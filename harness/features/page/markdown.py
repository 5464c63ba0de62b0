"""The field as one page of Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from ...show.carried import CARRIED
from ...show.escaping import one_line
from ...show.left_out import left_out_lines
from ...show.markdown import code, link_suffix, plain, table_row
from ...show.results import Column, Field, Square, Told
from ...show.standing import Standing

_HEAD = """# The field

Written by `sparsecheck page` from the reports of runs. `sparsecheck explain ID` says more on a requirement, the HTML
page of the same command more on each cell.
"""


def field_markdown(field: Field) -> str:
    """Who was judged on how much, the matrix, then what fails and why."""
    lines = [_HEAD, *_notes(field), *_overview(field), *_matrix(field)]
    lines += [line for column in field.columns for line in _failures(column)]
    lines += _carried(field)
    return "\n".join(lines).rstrip("\n") + "\n"


def _notes(field: Field) -> Iterator[str]:
    if field.selected:
        yield "**Only a selection of the catalogue was asked for; nothing here is a verdict on the whole.**\n"
    yield from (f"{plain(line)}\n" for line in left_out_lines(field.left_out))


def _overview(field: Field) -> Iterator[str]:
    yield "## Results\n"
    facts = [what for what, _ in field.columns[0].facts]
    yield table_row(("#", "sparsifier", "result", "judged on", "passed", "not passed, or not judged", *facts))
    yield "|---" * (6 + len(facts)) + "|"
    for number, column in enumerate(field.columns, 1):
        judged = f"{column.judged} of {len(column.squares)} requirements"
        told = (str(number), column.name, column.result, judged, f"{column.passed} ({_in_part(column)} in part)")
        yield table_row((*told, _others(column), *(fact for _, fact in column.facts)))
    yield ""


def _in_part(column: Column) -> int:
    return column.counts.get(Standing.PART, 0)


def _others(column: Column) -> str:
    return ", ".join(one.counted(count) for one, count in column.counts.items() if not one.is_passed)


def _matrix(field: Field) -> Iterator[str]:
    yield "## Requirements\n\nThe columns are the sparsifiers, by their numbers above.\n"
    yield from (f"- `{one.sign}` {one.value}: {one.meaning}" for one in Standing)
    for area, rows in field.rows():
        yield f"\n### {area}\n\n" + table_row(("requirement", *map(str, range(1, len(field.columns) + 1)), "asks"))
        yield "|---" * (len(field.columns) + 2) + "|"
        for row in rows:
            requirement = row[0].requirement
            yield table_row((requirement.id, *(square.standing.sign for square in row), requirement.sentence))
    yield ""


def _failures(column: Column) -> Iterator[str]:
    if column.problem:
        yield f"## {plain(column.name)}: not judged\n\n{plain(one_line(column.problem, 1200))}\n"
    if not column.failures:
        return
    yield f"## {plain(column.name)}: what fails\n"
    for square in column.failures:
        yield from _failing(square)
    yield ""


def _failing(square: Square) -> Iterator[str]:
    def why(cell: Told) -> tuple[str, str, str]:
        return cell.standing.value, cell.reason, cell.link

    for (verdict, reason, link), group in groupby(sorted(square.failures, key=why), key=why):
        cells, id = list(group), square.requirement.id
        yield f"- **{id}** {verdict} ({square.share(len(cells))}). {plain(square.requirement.sentence)}"
        yield f"  - seen: {plain(one_line(cells[0].message, 300))}"
        if reason or link:
            yield f"  - because: {plain(one_line(reason, 600))}{link_suffix(link)}"
        yield f"  - repeat: {code(f'sparsecheck run {cells[0].arguments}')}"


def _carried(field: Field) -> Iterator[str]:
    if not field.carried:
        return
    yield f"## Carried forward\n\n{CARRIED}\n"
    facts = [what for what, _ in field.carried[0].facts]
    yield table_row(("sparsifier", "cells", *facts))
    yield "|---" * (2 + len(facts)) + "|"
    for one in field.carried:
        yield table_row((one.sparsifier, one.counted, *(fact or "unknown" for _, fact in one.facts)))
    yield ""
