"""The unit of judgement: one requirement, one value on each axis, one sparsifier."""

from __future__ import annotations

from msgspec import Struct


class InvalidCell(ValueError):
    """Text that is no cell's id."""


class Cell(Struct, frozen=True):
    """Written `sparsifier:REQUIREMENT/layer/pattern/dtype/device`, safe in a shell and in a file name."""

    sparsifier: str
    requirement: str
    layer: str
    pattern: str
    dtype: str
    device: str

    @property
    def area(self) -> str:
        """The part of the catalogue it belongs to, `MASK` of `MASK-03`."""
        return self.requirement.rpartition("-")[0]

    @property
    def axes(self) -> str:
        """The id without the sparsifier."""
        return "/".join((self.requirement, self.layer, self.pattern, self.dtype, self.device))

    @property
    def id(self) -> str:
        return f"{self.sparsifier}:{self.axes}"

    @classmethod
    def parse(cls, text: str) -> Cell:
        """The cell whose id is `text`.

        Raises:
            InvalidCell: `text` has another form.
        """
        sparsifier, _, axes = text.partition(":")
        parts = axes.split("/")
        if len(parts) != 5 or not all((sparsifier, *parts)):
            raise InvalidCell(f"{text!r} is no cell; a cell is sparsifier:REQUIREMENT/layer/pattern/dtype/device")
        return cls(sparsifier, *parts)


def area_of(id: str) -> str:
    """The area of the cell called `id`, which is one: many are looked at for that alone."""
    return id.partition(":")[2].partition("/")[0].rpartition("-")[0]
