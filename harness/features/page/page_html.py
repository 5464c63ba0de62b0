"""The field as one page of HTML that needs nothing else."""

from __future__ import annotations

import json
from typing import Any

from markupsafe import Markup

from ...show.carried import CARRIED
from ...show.html import csp_hash, read_asset, render_page
from ...show.left_out import left_out_lines
from ...show.results import Field, Told, by_cause
from ...show.standing import Standing

_PLACES = {standing: place for place, standing in enumerate(Standing)}
_ESCAPES = {ord(one): f"\\u{ord(one):04x}" for one in "<>&\u2028\u2029"}


def field_html(field: Field) -> str:
    """The whole page: its style, its script and its data stand in it."""
    script = read_asset("field.js")
    return render_page(
        "field.html", ("field.css",), {"by_cause": by_cause}, field=field, carried_says=CARRIED,
        standings=list(Standing), data=as_data(_data(field)), script=Markup(script), script_hash=csp_hash(script),
        left_out=[*left_out_lines(field.left_out)],
    )


def as_data(value: Any) -> Markup:
    """JSON that no parser of HTML reads as anything else."""
    return Markup(json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES))


def _data(field: Field) -> dict[str, Any]:
    """What a square tells when it is clicked; texts once, cells by their places in `texts`."""
    texts: dict[str, int] = {}
    squares = [
        [[_cell(cell, texts) for cell in square.cells] for square in column.squares] for column in field.columns
    ]
    return {
        "names": [column.name for column in field.columns],
        "problems": [column.problem for column in field.columns],
        "requirements": [[one.requirement.id, one.requirement.level, one.requirement.sentence]
                         for one in field.columns[0].squares],
        "standings": [[one.value, one.sign, one.meaning, one.name.lower()] for one in Standing],
        "stands": [[_place(square.standing) for square in column.squares] for column in field.columns],
        "squares": squares,
        "texts": list(texts),
    }


def _cell(cell: Told, texts: dict[str, int]) -> list[Any]:
    told = (cell.message, f"{cell.defect}: {cell.reason}" if cell.defect else cell.reason, cell.link)
    return [_place(cell.standing), cell.arguments, *(texts.setdefault(text, len(texts)) for text in told)]


def _place(standing: Standing) -> int:
    return _PLACES[standing]
