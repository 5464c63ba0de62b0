"""The version matrix as one page of HTML that needs nothing else, and no script."""

from __future__ import annotations

from .versions import Matrix
from .changes import Kind
from ...show.html import rendered


def matrix_html(matrix: Matrix) -> str:
    """The whole page: its style stands in it."""
    by_kind = {kind: [one for one in matrix.changes if one.kind is kind] for kind in Kind}
    return rendered("matrix.html", ("field.css", "matrix.css"), {}, matrix=matrix, by_kind=by_kind)
