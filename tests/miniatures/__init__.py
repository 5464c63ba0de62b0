"""Deliberately broken sparsifiers: an exemplar, about five lines, and one sentence that says what is wrong.

Every requirement rejects at least one of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from torch import nn

from sparsecheck import Adapter, Context, Plan, Sparsified
from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter
from sparsecheck.adapter.shipped.structural_exemplar import ChannelRemover, StructuralExemplarAdapter

C = TypeVar("C", bound=type)

MINIATURES: list[Miniature] = []


class Misdeclared(ExemplarAdapter):
    """Declares `contract`, but works by the exemplar's."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        honest = ExemplarAdapter()
        honest.sparsified = self.sparsified  # type: ignore[misc]
        return honest.attach(model, plan, context)


@dataclass(frozen=True)
class Miniature:
    """A broken sparsifier, and the requirement that it was made to break.

    Attributes:
        requirement: The id of the requirement.
        adapter: The adapter of the broken sparsifier.
        kind: The kind of violation, or the type of exception, that it must be rejected with, so that one that merely
            crashes does not count as caught; empty if any will do.
    """

    requirement: str
    adapter: type[Adapter]
    kind: str = ""

    @property
    def name(self) -> str:
        return f"{self.requirement}-{self.short}"

    @property
    def short(self) -> str:
        """Return the name without the requirement."""
        return self.adapter.__name__.removesuffix("Adapter")

    @property
    def says(self) -> str:
        """Return what is wrong with it, in one line."""
        return " ".join((self.adapter.__doc__ or "").split())


def breaks(requirement: str, kind: str = "") -> Callable[[C], C]:
    """Register an adapter, or a subclass of an exemplar, as a miniature.

    Args:
        requirement: The id of the requirement that must reject it.
        kind: The kind of violation that it must be rejected with.
    """

    def register(broken: C) -> C:
        assert broken.__doc__, f"{broken.__name__} does not say what is wrong with it"
        adapter: type = broken
        if issubclass(broken, Sparsified):
            adapter = _adapter(broken)
        MINIATURES.append(Miniature(requirement, adapter, kind))
        return broken

    return register


def _adapter(broken: type[Sparsified]) -> type[Adapter]:
    """Make an adapter in the module of `broken`, where a fresh interpreter can import it by name."""
    name, module = f"{broken.__name__}Adapter", broken.__module__
    whole = next(adapter for kind, adapter in _EXEMPLARS.items() if issubclass(broken, kind))
    adapter = type(name, (whole,), {"sparsified": broken, "__module__": module, "__doc__": broken.__doc__})
    setattr(sys.modules[module], name, adapter)
    return adapter


_EXEMPLARS: dict[type[Sparsified], type[Adapter]] = {
    Exemplar: ExemplarAdapter, ChannelRemover: StructuralExemplarAdapter,
}
