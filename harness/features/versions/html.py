"""Render the versions page as HTML: one self-contained file, without scripts."""

from __future__ import annotations

from ...show.html import render_page
from ...show.left_out import left_out_lines
from .changes import Kind
from .table import VersionTable


def render_html(table: VersionTable) -> str:
    """Return the page with its style inlined."""
    by_kind = {kind: [one for one in table.changes if one.kind is kind] for kind in Kind}
    return render_page(
        "versions.html", ("results.css", "versions.css"), {}, table=table, by_kind=by_kind,
        left_out=[*left_out_lines(table.left_out)],
    )
