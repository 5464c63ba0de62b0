"""Check the selection of a run against the catalogue."""

from __future__ import annotations

from ..suggestions import UnknownName
from ..values.cell import Cell
from ..values.selection import Selection
from . import AREAS, requirement


def check_selection(selection: Selection) -> None:
    """Check that the areas and requirements of a selection exist, and that its cells are well formed.

    Raises:
        UnknownName: An area or a requirement does not exist; the message names the nearest.
        InvalidCell: A cell is malformed.
    """
    for area in selection.areas:
        if area not in AREAS:
            raise UnknownName("area", area, AREAS)
    for id in (*selection.requirements, *(Cell.parse(cell).requirement for cell in selection.cells)):
        requirement(id)
