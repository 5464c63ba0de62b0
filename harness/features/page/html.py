"""Render the table of results as one self-contained page of HTML."""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup

from ...show.carried import CARRIED
from ...show.escaping import printable
from ...show.html import csp_hash, read_asset, render_page
from ...show.left_out import left_out_lines
from ...show.results import ResultsTable, ShownCell, by_cause
from ...show.standing import Standing

_PLACES = {standing: place for place, standing in enumerate(Standing)}
_ESCAPES = {ord(one): f"\\u{ord(one):04x}" for one in "<>&\u2028\u2029"}


def render_html(table: ResultsTable) -> str:
    """Return the page, with its style, its script and its data inside."""
    script = read_asset("results.js")
    return render_page(
        "results.html", ("results.css",), {"by_cause": by_cause}, table=table, carried_says=CARRIED,
        standings=list(Standing), data=as_data(_data(table)), script=Markup(script), script_hash=csp_hash(script),
        left_out=[*left_out_lines(table.left_out)],
    )


def as_data(value: Any) -> Markup:
    """Return `value` as JSON that an HTML parser cannot mistake for markup."""
    return Markup(json.dumps(_printable(value), ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES))


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {key: _printable(one) for key, one in value.items()}
    return [_printable(one) for one in value] if isinstance(value, (list, tuple)) else value


def _data(table: ResultsTable) -> dict[str, Any]:
    """Return the data that squares show when clicked. Texts occur once, and cells refer to them by position."""
    texts: dict[str, int] = {}
    squares = [
        [[_cell(cell, texts) for cell in square.cells] for square in column.squares] for column in table.columns
    ]
    return {
        "names": [column.name for column in table.columns],
        "problems": [column.problem for column in table.columns],
        "requirements": [[one.requirement.id, one.requirement.level, one.requirement.sentence]
                         for one in table.columns[0].squares],
        "standings": [[one.value, one.sign, one.meaning, one.name.lower()] for one in Standing],
        "stands": [[_place(square.standing) for square in column.squares] for column in table.columns],
        "squares": squares,
        "texts": list(texts),
    }


def _cell(cell: ShownCell, texts: dict[str, int]) -> list[Any]:
    shown = (cell.message, f"{cell.defect}: {cell.reason}" if cell.defect else cell.reason, cell.link)
    return [_place(cell.standing), cell.arguments, *(texts.setdefault(text, len(texts)) for text in shown)]


def _place(standing: Standing) -> int:
    return _PLACES[standing]
