"""The values on each axis and the capabilities that each takes."""

from __future__ import annotations

from ..values.capability import CAPABILITIES, Support
from ..values.declaration import Declaration
from ..values.requirement import ACCELERATOR, ACCELERATOR_ELSEWHERE, CANONICAL_PATTERN, LEVELLED_PATTERN

LAYERS: dict[str, tuple[str, ...]] = {
    "linear": ("linear",),
    "short": ("linear",),
    "large": ("linear",),
    "strided": ("linear",),
    "ragged": ("linear",),
    "tied": ("linear",),
    "conv1d": ("conv1d",),
    "conv2d": ("conv2d",),
    "embedding": ("embedding",),
    "mixed": ("linear", "conv2d"),
    "windowed": ("conv2d",),
    "normed": ("linear",),
    "bare": ("linear",),
    "subclassed": ("linear",),
    "sequential": ("linear",),
    "fanout": ("conv2d",),
    "skip": ("conv2d",),
    "concat": ("conv2d",),
    "flattened": ("linear", "conv2d"),
    "convnorm": ("conv2d",),
    "depthwise": ("conv2d",),
}
"""Layer axis: each network with the capabilities it takes. The tied network takes no `tied`: what is
judged there is that sharing is kept or refused, which is the capability's own case."""

_CANONICAL = {
    "given": "given",
    "unstructured": "unstructured-0.5",
    "block": "block1x4-0.5",
    "n_of_m": "2of4",
    "channel": "channel0-0.5",
    "band": "band-3",
}

LEVELLED = ("unstructured", "block", "channel")
"""Patterns that have a level, so that an update can remove more."""

MATRIX_ONLY = ("block", "n_of_m", "any_n_of_m", "band")
"""Patterns that have a meaning for matrices alone."""

DTYPES = ("float64", "float32", "bfloat16", "float16")

DTYPE_NEEDS = {("float16", "cpu"): ">=2.2"}
"""By dtype and device: the torch releases in which torch itself multiplies matrices so."""


def pattern_capability(token: str) -> str:
    """The capability that pattern `token` takes, `block` for `block1x4-0.5`.

    Raises:
        KeyError: no pattern is written so.
    """
    if "of" in token:
        return "n_of_m" if token == "2of4" else "any_n_of_m"
    if token.startswith("channel") and not token.startswith("channel0-"):
        return "input_channel"
    kind = token.partition("-")[0].rstrip("0123456789x")
    if kind not in CAPABILITIES:
        raise KeyError(token)
    return kind


def canonical_pattern(declaration: Declaration) -> str:
    """The pattern a sparsifier is judged on where the requirement does not care which.

    The first it supports, in the order given, unstructured, block, N:M, channel, band; `given`
    if it supports none, which is then refused.
    """
    for capability, token in _CANONICAL.items():
        if declaration.capabilities.support(capability) is Support.SUPPORTED:
            return token
    return "given"


def levelled_pattern(declaration: Declaration) -> str:
    """The pattern a sparsifier is judged on where an update is to change masks: the first of `LEVELLED` that
    it supports, or its canonical one."""
    for capability in LEVELLED:
        if declaration.capabilities.support(capability) is Support.SUPPORTED:
            return _CANONICAL[capability]
    return canonical_pattern(declaration)


def resolve_device(token: str, devices: tuple[str, ...]) -> str:
    """The torch device type that a device `token` stands for: the accelerator here; where none is, the one
    that a report calls missing."""
    if token != ACCELERATOR:
        return token
    return next((device for device in devices if device != "cpu"), ACCELERATOR_ELSEWHERE)


def device_capability(device: str) -> str:
    """The capability that a cell on `device` takes."""
    return "cpu" if device == "cpu" else "accelerator"


def resolve_pattern(token: str, declaration: Declaration) -> str:
    """The pattern that stands in the cell's id."""
    if token == LEVELLED_PATTERN:
        return levelled_pattern(declaration)
    return canonical_pattern(declaration) if token == CANONICAL_PATTERN else token
