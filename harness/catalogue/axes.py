"""Axis values and the capability that each of them needs."""

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
"""The networks of the layer axis, each with the capabilities it needs. The tied network does not need `tied`, because
its cases judge this capability itself: sharing is kept, or it is refused."""

_CANONICAL = {
    "given": "given",
    "unstructured": "unstructured-0.5",
    "block": "block1x4-0.5",
    "n_of_m": "2of4",
    "channel": "channel0-0.5",
    "band": "band-3",
}

LEVELLED = ("unstructured", "block", "channel")
"""Patterns that have a level, so that an update can change how much they remove."""

MATRIX_ONLY = ("block", "n_of_m", "any_n_of_m", "band")
"""Patterns that are defined only for matrices."""

DTYPES = ("float64", "float32", "bfloat16", "float16")

DTYPE_NEEDS = {("float16", "cpu"): ">=2.2"}
"""By (dtype, device): the torch releases that can multiply matrices of this dtype on this device, as a PEP 440
specifier."""


def pattern_capability(token: str) -> str:
    """Return the capability that a pattern needs: `block` for the token `block1x4-0.5`.

    Raises:
        KeyError: The token names no pattern.
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
    """Return the pattern on which a sparsifier is judged if the requirement leaves the choice open.

    This is the first supported one of given, unstructured, block, N:M, channel and band. If none is supported, it is
    `given`, which the sparsifier must then refuse.
    """
    for capability, token in _CANONICAL.items():
        if declaration.capabilities.support(capability) is Support.SUPPORTED:
            return token
    return "given"


def levelled_pattern(declaration: Declaration) -> str:
    """Return the pattern on which updates are judged: the first supported one of `LEVELLED`, or the canonical one."""
    for capability in LEVELLED:
        if declaration.capabilities.support(capability) is Support.SUPPORTED:
            return _CANONICAL[capability]
    return canonical_pattern(declaration)


def resolve_device(token: str, devices: tuple[str, ...]) -> str:
    """Return the torch device type of a device token.

    Args:
        token: A device type, or `ACCELERATOR` for whichever accelerator is present.
        devices: The device types of this machine. If it has no accelerator, `ACCELERATOR` becomes
            `ACCELERATOR_ELSEWHERE`, so that its cells are planned and reported as unavailable.
    """
    if token != ACCELERATOR:
        return token
    return next((device for device in devices if device != "cpu"), ACCELERATOR_ELSEWHERE)


def device_capability(device: str) -> str:
    """Return the capability that a cell on `device` needs."""
    return "cpu" if device == "cpu" else "accelerator"


def resolve_pattern(token: str, declaration: Declaration) -> str:
    """Replace `CANONICAL_PATTERN` and `LEVELLED_PATTERN` by the pattern they stand for; return others as they are."""
    if token == LEVELLED_PATTERN:
        return levelled_pattern(declaration)
    return canonical_pattern(declaration) if token == CANONICAL_PATTERN else token
