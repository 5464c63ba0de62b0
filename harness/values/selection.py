"""Which part of the catalogue a run was asked for."""

from __future__ import annotations

from msgspec import Struct

from .cell import Cell


class Selection(Struct, frozen=True):
    """Selectors shrink the ledger itself; a run with any of them is never `success`.

    probe: only what takes a capability that the adapter left undeclared, which is supposed to be supported.
    """

    areas: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()
    probe: bool = False

    def __bool__(self) -> bool:
        return bool(self.areas or self.requirements or self.cells or self.probe)

    def takes(self, cell: Cell) -> bool:
        """Whether `cell` is among what was asked for: by all kinds of selector that name something."""
        return (
            (not self.areas or cell.area in self.areas)
            and (not self.requirements or cell.requirement in self.requirements)
            and (not self.cells or cell.id in self.cells)
        )
