"""Plans: the parameters of one model that are to be sparsified, with their patterns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from .pattern import Block, Channel, Given, Pattern, Unstructured

Scope = Literal["each", "all"]


@dataclass(frozen=True)
class Plan:
    """The planned parameters by fully qualified name, each with its pattern.

    Attributes:
        patterns: The patterns by parameter name.
        scope: Whether a level counts over each parameter by itself (`each`), or over all of them in one ranking (`all`,
            global pruning).
    """

    patterns: Mapping[str, Pattern]
    scope: Scope = "each"

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the planned parameters, in the plan's order."""
        return tuple(self.patterns)

    def copy(self) -> Plan:
        """Return an equal plan that shares no mutable part with this one, not even the arrays of given masks."""
        return Plan({name: _copy(pattern) for name, pattern in self.patterns.items()}, self.scope)

    def at_level(self, level: float) -> Plan:
        """Return the same plan with every level replaced; patterns without a level are unchanged.

        Raises:
            InvalidPattern: `level` is not a fraction.
        """
        return Plan({name: _at_level(pattern, level) for name, pattern in self.patterns.items()}, self.scope)


def _copy(pattern: Pattern) -> Pattern:
    return Given(pattern.mask.copy(order="K")) if isinstance(pattern, Given) else replace(pattern)


def _at_level(pattern: Pattern, level: float) -> Pattern:
    return replace(pattern, level=level) if isinstance(pattern, (Unstructured, Block, Channel)) else pattern
