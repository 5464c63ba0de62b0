"""The occasions on which it is recorded what a sparsifier does: enumerated, so that two recordings are of the same."""

from __future__ import annotations

from dataclasses import dataclass

from ...catalogue.axes import LAYERS, LEVELLED, MATRIX_ONLY, levelled_pattern, pattern_capability
from ...values.declaration import Declaration

COARSE, TOGETHER = "coarse", "together"
"""Variants of an occasion: dense weights of which many tie in score; all planned weights ranked together."""

_LAYERS = {
    "mask": ("linear", "conv1d", "conv2d", "embedding"),
    "structural": ("linear", "conv1d", "convnorm", "fanout", "skip", "concat", "flattened", "depthwise"),
}
_PATTERNS = ("given", "unstructured-0.5", "block1x4-0.5", "2of4", "1of4", "channel0-0.5", "channel1-0.5", "band-3")
_UNRANKED = ("given", "band")


@dataclass(frozen=True)
class Occasion:
    """One network and one pattern. variant: empty, or one of those above."""

    layer: str
    pattern: str
    variant: str = ""

    @property
    def id(self) -> str:
        """As `linear/unstructured-0.5/coarse`."""
        return "/".join(filter(None, (self.layer, self.pattern, self.variant)))

    @property
    def model(self) -> str:
        """Which dense model it is about, as `linear/coarse`."""
        return f"{self.layer}/{COARSE}" if self.variant == COARSE else self.layer

    @property
    def has_level(self) -> bool:
        """Whether an update can be given another level."""
        return pattern_capability(self.pattern) in LEVELLED

    @classmethod
    def parse(cls, text: str) -> Occasion:
        """The occasion whose id is `text`.

        Raises:
            TypeError: it is none's.
        """
        return cls(*text.split("/", 2))


def occasions(declaration: Declaration) -> tuple[Occasion, ...]:
    """Every layer kind that a sparsifier supports with every pattern that it supports and that has a meaning there;
    then the variants, of the first layer kind."""
    supported = declaration.capabilities.supported
    layers = [layer for layer in _LAYERS[declaration.profile] if set(LAYERS[layer]) <= supported]
    patterns = [pattern for pattern in _PATTERNS if pattern_capability(pattern) in supported]
    plain = [Occasion(layer, pattern) for layer in layers for pattern in patterns if _fits(layer, pattern)]
    first = [one for one in plain if one.layer == layers[0] and pattern_capability(one.pattern) not in _UNRANKED]
    coarse = [Occasion(one.layer, one.pattern, COARSE) for one in first]
    levelled = levelled_pattern(declaration)
    together = [one for one in first if one.pattern == levelled and "scope_all" in supported]
    return (*plain, *coarse, *(Occasion(one.layer, one.pattern, TOGETHER) for one in together))


def _fits(layer: str, pattern: str) -> bool:
    return pattern_capability(pattern) not in MATRIX_ONLY or not set(LAYERS[layer]) & {"conv1d", "conv2d"}
