"""The unit of judgement: one sparsifier, one requirement, and one value on each axis."""

from __future__ import annotations

from msgspec import Struct

from ..errors import SparsecheckError
from ..suggestions import quoted


class InvalidCell(SparsecheckError, ValueError):
    """Raised if a text is not the id of a cell."""


class Cell(Struct, frozen=True):
    """A cell, written `sparsifier:REQUIREMENT/layer/pattern/dtype/device`, safe in a shell and in a file name."""

    sparsifier: str
    requirement: str
    layer: str
    pattern: str
    dtype: str
    device: str

    @property
    def area(self) -> str:
        """Return the area of the catalogue, `MASK` for `MASK-03`."""
        return self.requirement.rpartition("-")[0]

    @property
    def axes(self) -> str:
        """Return the id without the sparsifier."""
        return "/".join((self.requirement, self.layer, self.pattern, self.dtype, self.device))

    @property
    def id(self) -> str:
        return f"{self.sparsifier}:{self.axes}"

    @classmethod
    def parse(cls, text: str) -> Cell:
        """Return the cell whose id is `text`.

        Raises:
            InvalidCell: The text has another form.
        """
        sparsifier, _, axes = text.partition(":")
        parts = axes.split("/")
        if len(parts) != 5 or not all((sparsifier, *parts)):
            raise InvalidCell(
                f"{quoted(text)} is not a cell", "A cell is written sparsifier:REQUIREMENT/layer/pattern/dtype/device."
            )
        return cls(sparsifier, *parts)


def area_of(id: str) -> str:
    """Return the area of the cell with an id, without parsing the rest, since many ids are looked at for that alone."""
    return id.partition(":")[2].partition("/")[0].rpartition("-")[0]
