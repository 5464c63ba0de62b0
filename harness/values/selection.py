"""Selections: the part of the catalogue that a run was asked for."""

from __future__ import annotations

from msgspec import Struct

from .cell import Cell


class Selection(Struct, frozen=True):
    """Selectors of a run; they shrink the ledger, and a run with any of them is never `green`.

    Attributes:
        areas: Areas such as `MASK`.
        requirements: Ids such as `MASK-03`.
        cells: Ids of cells.
        probe: Whether only cells are judged that need a capability which the adapter left undeclared; such a capability
            is then assumed to be supported.
    """

    areas: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    probe: bool = False

    def __bool__(self) -> bool:
        return bool(self.areas or self.requirements or self.cells or self.probe)

    def takes(self, cell: Cell) -> bool:
        """Return whether every kind of selector that is set matches `cell`."""
        return (
            (not self.areas or cell.area in self.areas)
            and (not self.requirements or cell.requirement in self.requirements)
            and (not self.cells or cell.id in self.cells)
        )
