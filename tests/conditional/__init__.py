"""Conditional miniatures: correct sparsifiers that are wrong under one condition.

Each is an exemplar, a few lines, one sentence, the condition, and a scene in which it differs from the exemplar. The
requirements need not reject them: programs do.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sparsecheck import Adapter, Sparsified
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter

from .scene import Scene

C = TypeVar("C", bound=type)

CONDITIONALS: list[Conditional] = []


@dataclass(frozen=True)
class Condition:
    """The condition under which a miniature is wrong.

    Attributes:
        when: The condition in a few words.
        layer: The kinds of layers that it concerns.
        moment: The operation that does it wrong.
        mode: The mode of the model or of the caller in which it does.
    """

    when: str
    layer: str = "any"
    moment: str = "update"
    mode: str = "any"


@dataclass(frozen=True)
class Conditional:
    """A sparsifier that is right but under one condition.

    Attributes:
        adapter: The adapter of the sparsifier.
        condition: The condition.
        scene: A scene that shows it.
    """

    adapter: type[Adapter]
    condition: Condition
    scene: Scene

    @property
    def name(self) -> str:
        return self.adapter.__name__.removesuffix("Adapter")

    @property
    def says(self) -> str:
        """Return what is wrong with it, in one line."""
        return " ".join((self.adapter.__doc__ or "").split())


def wrong(
    when: str, scene: Scene, layer: str = "any", moment: str = "update", mode: str = "any"
) -> Callable[[C], C]:
    """Register an adapter, or a subclass of the exemplar, as a conditional miniature."""

    def register(broken: C) -> C:
        assert broken.__doc__, f"{broken.__name__} does not say what is wrong with it"
        adapter: type = broken
        if issubclass(broken, Sparsified):
            name, module = f"{broken.__name__}Adapter", broken.__module__
            adapter = type(name, (ExemplarAdapter,), {
                "sparsified": broken, "__module__": module, "__doc__": broken.__doc__,
            })
            setattr(sys.modules[module], name, adapter)
        CONDITIONALS.append(Conditional(adapter, Condition(when, layer, moment, mode), scene))
        return broken

    return register
