"""Deliberately broken sparsifiers: each about five lines over the exemplar, and one sentence that says
what is wrong. Every requirement is there to reject at least one."""

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
    """Declares `contract`, and works by the exemplar's."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        honest = ExemplarAdapter()
        honest.sparsified = self.sparsified  # type: ignore[misc]
        return honest.attach(model, plan, context)


@dataclass(frozen=True)
class Miniature:
    """A broken sparsifier and the requirement it was made to break.

    kind: what it is rejected as, so that one that merely crashes is not taken for one that is caught: the kind of
        violation, or the exception's type; empty if it does not matter.
    """

    requirement: str
    adapter: type[Adapter]
    kind: str = ""

    @property
    def name(self) -> str:
        return f"{self.requirement}-{self.short}"

    @property
    def short(self) -> str:
        """Its name without the requirement's."""
        return self.adapter.__name__.removesuffix("Adapter")

    @property
    def says(self) -> str:
        """What is wrong with it, in one line."""
        return " ".join((self.adapter.__doc__ or "").split())


def breaks(requirement: str, kind: str = "") -> Callable[[C], C]:
    """Registers an adapter, or a subclass of an exemplar for that exemplar's adapter to use, as a miniature that
    `requirement` is to reject, as a `kind` of violation."""

    def register(broken: C) -> C:
        assert broken.__doc__, f"{broken.__name__} does not say what is wrong with it"
        adapter: type = broken
        if issubclass(broken, Sparsified):
            adapter = _adapter(broken)
        MINIATURES.append(Miniature(requirement, adapter, kind))
        return broken

    return register


def _adapter(broken: type[Sparsified]) -> type[Adapter]:
    """An adapter in the module of `broken`, where a fresh interpreter can import it by name."""
    name, module = f"{broken.__name__}Adapter", broken.__module__
    whole = next(adapter for kind, adapter in _EXEMPLARS.items() if issubclass(broken, kind))
    adapter = type(name, (whole,), {"sparsified": broken, "__module__": module, "__doc__": broken.__doc__})
    setattr(sys.modules[module], name, adapter)
    return adapter


_EXEMPLARS: dict[type[Sparsified], type[Adapter]] = {
    Exemplar: ExemplarAdapter, ChannelRemover: StructuralExemplarAdapter,
}
