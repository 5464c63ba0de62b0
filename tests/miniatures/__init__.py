"""Deliberately broken sparsifiers: each about five lines over the exemplar, and one sentence that says
what is wrong. Every requirement is there to reject at least one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sparsecheck.sparsifiers.exemplar import Exemplar, ExemplarAdapter

C = TypeVar("C", bound=type)

MINIATURES: list[Miniature] = []


@dataclass(frozen=True)
class Miniature:
    """A broken sparsifier and the requirement it was made to break."""

    requirement: str
    adapter: type[ExemplarAdapter]

    @property
    def name(self) -> str:
        return f"{self.requirement}-{self.adapter.__name__}"


def breaks(requirement: str) -> Callable[[C], C]:
    """Registers an adapter, or an `Exemplar` subclass for the exemplar's adapter to use, as a miniature."""

    def register(broken: C) -> C:
        assert broken.__doc__, f"{broken.__name__} does not say what is wrong with it"
        adapter: type = broken
        if issubclass(broken, Exemplar):
            adapter = type(broken.__name__, (ExemplarAdapter,), {"sparsified": broken, "__module__": broken.__module__})
        MINIATURES.append(Miniature(requirement, adapter))
        return broken

    return register
