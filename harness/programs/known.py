"""What is known about the adapters of this process: what they offer, found out once, without a verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from ..adapter.protocol import Adapter
from ..process.guard import Guard
from ..values.comparisons import not_counting
from ..values.declaration import Declaration


class Offering(Protocol):
    """What an adapter offers.

    Attributes:
        declaration: Its declaration.
        patterns: What it takes; empty if every plan was refused.
    """

    @property
    def declaration(self) -> Declaration: ...

    @property
    def patterns(self) -> Mapping[Any, Any]: ...


Offered = TypeVar("Offered", bound=Offering)

Added = tuple[dict[str, int], int]
"""The number of pairs that each program adds to the coverage, and the number that is possible."""


@dataclass(frozen=True)
class Known(Generic[Offered]):
    """What is known about an adapter.

    Attributes:
        adapter: The adapter.
        offer: What it offers.
        added: The pairs that each program adds to the coverage.
        possible: The number of pairs that are possible.
    """

    adapter: Adapter
    offer: Offered
    added: dict[str, int]
    possible: int


class Asked(Generic[Offered]):
    """The adapters that were asked last, with what is known about each.

    Args:
        offer_of: Finds out what an adapter offers.
        pairs: Returns the coverage that the programs of a corpus have of an offer.
        most: The number of adapters that are remembered.
    """

    def __init__(
        self, offer_of: Callable[[Adapter, Declaration], Offered], pairs: Callable[[Offered], Added], most: int
    ) -> None:
        self._offer_of, self._pairs, self._most = offer_of, pairs, most
        self._known: list[Known[Offered]] = []

    def know(self, adapter: Adapter, declaration: Declaration) -> Known[Offered]:
        """Return what an adapter offers; the first cell of a process finds it out."""
        for one in self._known:
            if one.adapter is adapter and one.offer.declaration == declaration:
                return one
        with not_counting(), Guard().keep():
            offer = self._offer_of(adapter, declaration)
            added, possible = self._pairs(offer) if offer.patterns else ({}, 0)
        self._known.append(Known(adapter, offer, added, possible))
        del self._known[:-self._most]
        return self._known[-1]
