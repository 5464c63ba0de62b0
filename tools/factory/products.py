"""The products: every fault under every condition, each an adapter that can be imported by its name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sparsecheck import Adapter
from tests.conditional.scene import Scene

from .conditions import CONDITIONS
from .faults import FAULTS
from .faulty import Condition, Fault, Faulty, FaultyAdapter


@dataclass(frozen=True)
class Product:
    """A fault under a condition."""

    fault: Fault
    condition: Condition

    @property
    def name(self) -> str:
        """Return the name under which this module has the adapter."""
        return f"{_words(self.fault.name)}__{_words(self.condition.name)}"

    @property
    def says(self) -> str:
        return f"{self.fault.name} ({self.fault.kind}), under the condition: {self.condition.name}"

    @cached_property
    def adapter(self) -> type[Adapter]:
        """Return the adapter's class."""
        own = {"__module__": __name__, "__doc__": self.says}
        return type(self.name, (FaultyAdapter,), {**own, "sparsified": self.work})

    @cached_property
    def work(self) -> type[Faulty]:
        """Return the class of the sparsifier at work, which can be pickled by its name."""
        parts = {"fault": self.fault, "condition": self.condition}
        return type(f"{self.name}{_WORK}", (Faulty,), {"__module__": __name__, "__doc__": self.says, **parts})

    @property
    def scene(self) -> Scene:
        """Return a scene in which the condition holds and the fault shows, if it can."""
        return _scene(self.fault.scene, self.condition.scene, (*self.condition.steps, *self.fault.steps))

    @property
    def canonical(self) -> Scene:
        """Return the same scene without the condition."""
        return _scene(self.fault.scene, {}, ("update", *self.fault.steps))


_WORK = "__work"


def _words(text: str) -> str:
    return re.sub(r"\W+", "_", text)


def _scene(one: Any, other: Any, steps: tuple[Any, ...]) -> Scene:
    modes = (*one.get("modes", ()), *other.get("modes", ()))
    return Scene(**{**one, **other, "modes": tuple(dict.fromkeys(modes)), "steps": steps})


def products() -> Iterator[Product]:
    """Yield every pair, in the order of the tables."""
    for fault in FAULTS:
        for condition in CONDITIONS:
            yield Product(fault, condition)


_BY_NAME = {product.name: product for product in products()}


def product_of(name: str) -> Product:
    """Return the product of that name."""
    return _BY_NAME[name]


def __getattr__(name: str) -> Any:
    product = _BY_NAME.get(name.removesuffix(_WORK))
    if product is None:
        raise AttributeError(f"no product is called {name}: python -m tools.factory --list")
    return product.work if name.endswith(_WORK) else product.adapter
