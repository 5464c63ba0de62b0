"""The version matrix as one page of HTML that needs nothing else, and no script."""

from __future__ import annotations

from ...show.html import rendered
from .changes import Kind
from .versions import Matrix


def matrix_html(matrix: Matrix) -> str:
    """The whole page: its style stands in it."""
    by_kind = {kind: [one for one in matrix.changes if one.kind is kind] for kind in Kind}
    return rendered("matrix.html", ("field.css", "matrix.css"), {}, matrix=matrix, by_kind=by_kind)
