"""Find out which parameters a sparsifier takes, with which patterns."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..adapter.protocol import Adapter
from ..process.guard import Guard
from ..values.capability import Support
from ..values.declaration import Declaration
from ..values.program import Dtype, Program, Removal
from ..values.steps import Attach, Update
from ..values.violation import Violation
from .computing import in_computed_dtypes
from .taking import NotOffered
from .targets import TARGETS, Target, dimensions_of, layer_of
from .walk import Walk

PATTERNS = ("unstructured", "given", "channel", "block", "n_of_m", "band", "input_channel", "any_n_of_m")
"""The capabilities that stand for a pattern, in the order in which a skeleton numbers them."""

DTYPES: tuple[Dtype, ...] = ("float32", "float64", "bfloat16", "float16")
"""The dtypes, in the order in which a skeleton numbers them."""


@dataclass(frozen=True)
class Offer:
    """What a sparsifier takes.

    Attributes:
        declaration: Its declaration.
        patterns: The patterns by target; targets without a pattern are left out.
        broken: By target and pattern, the violation of those that are neither refused nor carried out.
    """

    declaration: Declaration
    patterns: dict[str, tuple[str, ...]]
    broken: dict[tuple[str, str], Violation]

    def has(self, capability: str) -> bool:
        """Return whether a capability is declared as supported."""
        return self.declaration.capabilities.support(capability) is Support.SUPPORTED

    @property
    def dtypes(self) -> tuple[Dtype, ...]:
        """Return the supported dtypes; without one, torch's default, in which the sparsifier refuses to work."""
        return tuple(one for one in DTYPES if self.has(one)) or DTYPES[:1]


def offer_of(adapter: Adapter, declaration: Declaration) -> Offer:
    """Return what a sparsifier takes, by its declaration and, where that says nothing, by trying it out.

    Args:
        adapter: The adapter.
        declaration: Its declaration.
    """
    return probed(declaration, lambda program: Walk(program, adapter, declaration, Guard()).run())


def probed(declaration: Declaration, run: Callable[[Program], None]) -> Offer:
    """Return what a sparsifier takes.

    Args:
        declaration: Its declaration.
        run: Runs a program; it raises `NotOffered` or `Violation` as a walk does.
    """
    offer = Offer(declaration, {}, {})
    for name, target in TARGETS.items():
        if not target.capability or offer.has(target.capability):
            taken = tuple(one for one in PATTERNS if _takes(run, offer, name, one))
            if taken:
                offer.patterns[name] = taken
    return offer


def _takes(run: Callable[[Program], None], offer: Offer, name: str, pattern: str) -> bool:
    found = tried(run, offer, name, pattern)
    if isinstance(found, Violation):
        offer.broken[name, pattern] = found
    return found is True


def tried(run: Callable[[Program], None], offer: Offer, name: str, pattern: str) -> bool | Violation:
    """Return whether a pattern is carried out on a target, or the violation if it is neither that nor refused.

    Args:
        run: Runs a program; it raises `NotOffered` or `Violation` as a walk does.
        offer: What is known about it.
        name: The name of the target.
        pattern: The capability that stands for the pattern.
    """
    target = TARGETS[name]
    if not offer.has(pattern) or not fits(offer, target, pattern):
        return False
    try:
        run(probe(offer, target, pattern))
    except NotOffered:
        return False
    except Violation as violation:
        return violation
    return True


def fits(offer: Offer, target: Target, pattern: str) -> bool:
    """Return whether a pattern is defined for the parameter of a target, and not excluded by a declared part."""
    dimensions = dimensions_of(target)
    part = offer.declaration.capabilities.part(pattern)
    if pattern not in ("block", "n_of_m", "any_n_of_m") and part and target.capability not in part:
        return False
    if pattern in ("block", "n_of_m", "any_n_of_m", "band"):
        return dimensions == 2
    return dimensions > 1 if pattern in ("channel", "input_channel") else True


def probe(offer: Offer, target: Target, pattern: str) -> Program:
    """Return the program that tries out one target with one pattern: attach and update."""
    layer = layer_of(target, "layer1", "small", math.lcm(4, offer.declaration.contract.multiple))
    removal = removal_of(offer, f"layer1.{target.parameter}", pattern, 0.5)
    program = Program(layers=(layer,), dtype=offer.dtypes[0], plan=(removal,), steps=(Attach(), Update()))
    return in_computed_dtypes(program, offer.dtypes)


def removal_of(offer: Offer, name: str, pattern: str, level: float) -> Removal:
    """Return the removal that a pattern's capability stands for."""
    block = (1, 4) if offer.declaration.capabilities.has_block(1, 4) else (4, 1)
    made = {
        "input_channel": Removal(name=name, pattern="channel", level=level, dim=1),
        "any_n_of_m": Removal(name=name, pattern="n_of_m", keep=(1, 4)),
        "n_of_m": Removal(name=name, pattern="n_of_m"),
        "block": Removal(name=name, pattern="block", level=level, block=block),
    }
    return made.get(pattern) or Removal(name=name, pattern=pattern, level=level)  # type: ignore[arg-type]
