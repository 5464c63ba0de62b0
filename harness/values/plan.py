"""What to sparsify in one model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .pattern import Pattern

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
        from dataclasses import replace

        def relevelled(pattern: Pattern) -> Pattern:
            return replace(pattern, level=level) if hasattr(pattern, "level") else pattern  # type: ignore[type-var,unused-ignore]

        return Plan({name: relevelled(pattern) for name, pattern in self.patterns.items()}, self.scope)
