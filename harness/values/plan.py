"""What to sparsify in one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from .pattern import Block, Channel, Pattern, Unstructured

Scope = Literal["each", "all"]


@dataclass(frozen=True)
class Plan:
    """Parameters by fully qualified name, each with its pattern.

    `scope` says over what a level counts: each parameter by itself, or all planned
    parameters together (global pruning: one ranking over them all).
    """

    patterns: Mapping[str, Pattern]
    scope: Scope = "each"

    @property
    def names(self) -> tuple[str, ...]:
        """The planned parameters, in the plan's order."""
        return tuple(self.patterns)

    def at_level(self, level: float) -> Plan:
        """The same plan with every level replaced; patterns without a level stay as they are.

        Raises:
            InvalidPattern: `level` is not a fraction.
        """
        return Plan({name: _at_level(pattern, level) for name, pattern in self.patterns.items()}, self.scope)


def _at_level(pattern: Pattern, level: float) -> Pattern:
    return replace(pattern, level=level) if isinstance(pattern, (Unstructured, Block, Channel)) else pattern
