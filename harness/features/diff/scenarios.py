"""Enumerate the scenarios of a snapshot, so that two snapshots contain the same ones."""

from __future__ import annotations

from dataclasses import dataclass

from ...catalogue.axes import (
    LAYERS,
    LEVELLED,
    has_meaning,
    has_pattern,
    levelled_pattern,
    pattern_capability,
    supported_shape,
)
from ...values.declaration import Declaration

COARSE, TOGETHER = "coarse", "together"
"""Variants of a scenario: dense weights with many equal scores; all planned weights ranked together."""

_LAYERS = {
    "mask": ("linear", "conv1d", "conv2d", "embedding"),
    "structural": ("linear", "conv1d", "convnorm", "fanout", "skip", "concat", "flattened", "depthwise"),
}
_PATTERNS = ("given", "unstructured-0.5", "block1x4-0.5", "2of4", "1of4", "channel0-0.5", "channel1-0.5", "band-3")
_UNRANKED = ("given", "band")


@dataclass(frozen=True)
class Scenario:
    """One network with one pattern.

    Attributes:
        layer: The name of the network.
        pattern: The name of the pattern.
        variant: `COARSE`, `TOGETHER`, or an empty string.
    """

    layer: str
    pattern: str
    variant: str = ""

    @property
    def id(self) -> str:
        """Return the id, such as `linear/unstructured-0.5/coarse`."""
        return "/".join(filter(None, (self.layer, self.pattern, self.variant)))

    @property
    def model(self) -> str:
        """Return the name of its dense model, such as `linear/coarse`."""
        return f"{self.layer}/{COARSE}" if self.variant == COARSE else self.layer

    @property
    def has_level(self) -> bool:
        """Return whether `update` accepts another level."""
        return pattern_capability(self.pattern) in LEVELLED

    @classmethod
    def parse(cls, text: str) -> Scenario:
        """Return the scenario with the id `text`.

        Raises:
            TypeError: `text` is not the id of a scenario.
        """
        return cls(*text.split("/", 2))


def scenarios_for(declaration: Declaration) -> tuple[Scenario, ...]:
    """Return every supported network with every supported pattern that fits it, then the variants on the first one."""
    supported = declaration.capabilities.supported
    layers = [layer for layer in _LAYERS[declaration.profile] if set(LAYERS[layer]) <= supported]
    patterns = [pattern for pattern in _PATTERNS if pattern_capability(pattern) in supported]
    plain = [
        Scenario(layer, pattern)
        for layer in layers for pattern in (supported_shape(one, declaration.capabilities) for one in patterns)
        if has_meaning(pattern, layer) and has_pattern(pattern, layer, declaration.capabilities)
    ]
    first = [one for one in plain if one.layer == layers[0] and pattern_capability(one.pattern) not in _UNRANKED]
    coarse = [Scenario(one.layer, one.pattern, COARSE) for one in first]
    levelled = levelled_pattern(declaration, layers[0] if layers else "linear")
    together = [one for one in first if one.pattern == levelled and "scope_all" in supported]
    return (*plain, *coarse, *(Scenario(one.layer, one.pattern, TOGETHER) for one in together))
