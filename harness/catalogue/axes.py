"""Axis values and the capability that each of them needs."""

from __future__ import annotations

import re
from functools import lru_cache

from ..values.capability import CAPABILITIES, Capabilities, Support
from ..values.cell import Cell
from ..values.contract import INVARIANCES, Contract
from ..values.declaration import Declaration
from ..values.requirement import (
    ACCELERATOR,
    ACCELERATOR_ELSEWHERE,
    CANONICAL_PATTERN,
    LEVELLED_PATTERN,
    OFFERED,
    Requirement,
)
from ..values.schedule import KINDS

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
the requirements that use it name that capability themselves."""

PARAMETERS: dict[str, tuple[str, ...]] = {
    "lstm": (),
    "linear": ("linear",),
    "conv2d": ("conv2d",),
    "conv1d": ("conv1d",),
    "embedding": ("embedding",),
    "grouped": ("conv2d",),
    "depthwise": ("conv2d",),
    **dict.fromkeys((
        "conv3d", "transposed1d", "transposed2d", "gru", "attention", "attention-output", "bias", "conv-bias", "scale",
    ), ()),
}
"""The kinds of planned parameters that programs have, on the layer axis of WALK-02, each with the capabilities it
needs. Of those without, only trying it out shows whether they are offered."""

PROGRAMS = (
    *(f"walk-{number:03}" for number in range(1, 166)),
    *(f"found-{number:03}" for number in range(1, 35)),
)
"""The programs of the corpus, on the layer axis of WALK-01. They need no capability, because they take layers, patterns
and dtype from what is offered."""

STRUCTURAL_PROGRAMS = (
    *(f"channels-{number:03}" for number in range(1, 119)),
    *(f"channels-found-{number:03}" for number in range(1, 25)),
)
"""The programs of the structural corpus, on the layer axis of WALK-04. They need no capability, as those of WALK-01."""

NEIGHBOURS: dict[str, tuple[str, ...]] = {
    **{f"conv1d-{form}": ("conv1d",) for form in ("skip", "plain", "norm", "fanout", "concat", "depthwise")},
    **{f"conv2d-{form}": ("conv2d",) for form in ("plain", "norm", "skip", "fanout", "concat", "depthwise")},
    **{f"linear-{form}": ("linear",) for form in ("plain", "norm", "skip", "fanout", "concat")},
    **{f"{kind}-flatten": (kind, "linear") for kind in ("conv1d", "conv2d")},
    **{f"{kind}-{form}": (kind,) for kind in ("conv1d", "conv2d")
       for form in ("transposed", "pool", "groupnorm", "grouped")},
    **{f"linear-{form}": ("linear",) for form in ("layernorm", "groupnorm", "heads", "lstm", "units")},
    "linear-view": ("linear", "conv2d"),
    **{f"conv2d-{form}": ("conv2d",) for form in ("unshuffle", "shuffle")},
}
"""The kinds of planned layers with what depends on their channels, on the layer axis of WALK-05, each with the
capabilities it needs."""

RELATIONS = ("unplanned", *INVARIANCES)
"""The invariances, on the layer axis of the requirements that compare two programs. They need no capability."""

OPTIMIZERS = ("momentum", "sgd", "nesterov", "adam", "adamw", "foreach", "fused", "groups")
"""The optimizers, on the layer axis of the requirements that train a linear network with each of them. `foreach` and
`fused` are implementations of AdamW; `groups` is SGD with two groups of parameters."""

LOOPS = ("scheduled", "loss-scaled", "accumulated", "zeroed")
"""The training loops, on the layer axis of the requirement that trains a linear network in each of them."""

SCHEDULES: dict[str, tuple[str, ...]] = {
    **{f"{kind}-schedule": (kind,) for kind in KINDS},
    **{f"{kind}-begin": (kind, "begin") for kind in ("linear", "cubic", "cosine", "constant")},
    **{f"{kind}-every": (kind, "every") for kind in ("linear", "cubic", "cosine")},
}
"""The schedules, on the layer axis of the requirements that put a linear network under each of them, with the words
that a contract declares in `schedules` if the sparsifier offers it."""

TORCH_NEEDS = {"fused": ">=2.4", "loss-scaled": ">=2.3"}
"""By value of the layer axis: the torch releases that have it on the CPU, as a PEP 440 specifier."""

PARAMETRIZATIONS = ("own-parametrization", "weight-norm", "spectral-norm")
"""The parametrizations that a user puts on a planned weight, on the layer axis of two requirements of COMPOSE."""

TRANSFORMS = ("functional-call", "vmap", "grad")
"""The functions of torch.func, on the layer axis of the requirement that applies them to a linear network."""

CHECKPOINTS = ("checkpoint", "checkpoint-reentrant")
"""The two kinds of activation checkpointing, on the layer axis of the requirement that trains with them."""

AVERAGES = ("ema-buffers", "ema", "swa")
"""The ways of averaging a model, on the layer axis of the requirement that averages a sparse one."""

COMPOSITIONS = dict.fromkeys((*PARAMETRIZATIONS, *TRANSFORMS, *CHECKPOINTS, *AVERAGES), ("linear",))
"""What people combine a sparse model with, on the layer axis of COMPOSE, with the capabilities it needs."""

RUNS = ("between", "updated", "attached", "mmap", "safetensors", "assign", "meta")
"""When a run is saved, or how it is loaded, on the layer axis of the requirements that resume a linear network."""

MODELS: dict[str, tuple[str, ...]] = {
    "resnet": ("conv2d",), "encoder": ("linear",), "decoder": ("linear",), "tagger": ("linear",),
}
"""The real networks, on the layer axis of MODEL, with the capabilities of the layers that they all plan. Whether
attention and LSTMs are offered as well, only trying it out shows."""

_TRAININGS = dict.fromkeys((*OPTIMIZERS, *LOOPS, *SCHEDULES, *RUNS), ("linear",))
_NEEDED_BY_LAYER = {
    **dict.fromkeys((*PROGRAMS, *STRUCTURAL_PROGRAMS, *RELATIONS), ()),
    **PARAMETERS, **COMPOSITIONS, **_TRAININGS, **NEIGHBOURS, **MODELS, **LAYERS,
}

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


@lru_cache(maxsize=256)
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


def has_pattern(token: str, layer: str, capabilities: Capabilities) -> bool:
    """Return whether a pattern on a layer belongs to the supported parts, if `capabilities` restricts it to parts."""
    if token == OFFERED:
        return True
    pattern = pattern_capability(token)
    if pattern == "block" and (match := re.match(r"block(\d+)x(\d+)-", token)):
        return capabilities.has_block(int(match[1]), int(match[2]))
    return capabilities.has_pattern_on(pattern, layer_capabilities(layer))


def canonical_pattern(declaration: Declaration, layer: str = "linear") -> str:
    """Return the pattern on which a sparsifier is judged on `layer` if the requirement leaves the choice open.

    This is the first supported one of given, unstructured, block, N:M, channel and band; `given` if none is supported.
    """
    return _first_supported(tuple(_CANONICAL), declaration.capabilities, layer) or "given"


def levelled_pattern(declaration: Declaration, layer: str = "linear") -> str:
    """Return the pattern on which updates are judged: the first supported one of `LEVELLED`, or the canonical one."""
    return _first_supported(LEVELLED, declaration.capabilities, layer) or canonical_pattern(declaration, layer)


@lru_cache(maxsize=1024)
def _first_supported(patterns: tuple[str, ...], capabilities: Capabilities, layer: str) -> str:
    """Return the first supported pattern on a layer, if possible one that is defined there."""
    supported = (one for one in patterns if capabilities.support(one) is Support.SUPPORTED)
    tokens = [supported_shape(_CANONICAL[one], capabilities) for one in supported]
    there = [token for token in tokens if has_pattern(token, layer, capabilities)]
    return next((token for token in there if has_meaning(token, layer)), there[0] if there else "")


def has_meaning(token: str, layer: str) -> bool:
    """Return whether a pattern is defined on a layer; patterns for matrices are not defined on convolutions."""
    if token == OFFERED:
        return True
    return pattern_capability(token) not in MATRIX_ONLY or not set(layer_capabilities(layer)) & {"conv1d", "conv2d"}


def supported_shape(token: str, capabilities: Capabilities) -> str:
    """Return a pattern, with the sides of its block exchanged if only blocks of that shape are supported."""
    match = re.fullmatch(r"block(\d+)x(\d+)-(.+)", token) if token.startswith("block") else None
    if match is None or capabilities.has_block(int(match[1]), int(match[2])):
        return token
    turned = f"block{match[2]}x{match[1]}-{match[3]}"
    return turned if capabilities.has_block(int(match[2]), int(match[1])) else token


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


def resolve_pattern(token: str, declaration: Declaration, layer: str) -> str:
    """Replace `CANONICAL_PATTERN` and `LEVELLED_PATTERN` by the pattern they stand for on `layer`; keep any other."""
    if token == LEVELLED_PATTERN:
        return levelled_pattern(declaration, layer)
    return canonical_pattern(declaration, layer) if token == CANONICAL_PATTERN else token


def needed(requirement: Requirement, cell: Cell) -> tuple[str, ...]:
    """Return the capabilities that a cell needs: those of its axes, then those of its requirement."""
    own = () if cell.pattern == OFFERED else (pattern_capability(cell.pattern), cell.dtype)
    axes = (*layer_capabilities(cell.layer), *own, device_capability(cell.device))
    return tuple(dict.fromkeys((*axes, *requirement.needs)))


def layer_capabilities(token: str) -> tuple[str, ...]:
    """Return the capabilities that a value of the layer axis needs.

    Args:
        token: A network, a kind of parameter, a layer with what depends on it, a program, an invariance, an optimizer,
            a training loop, a schedule, a way to resume, a real network, or one of what people combine a sparse model
            with.

    Raises:
        KeyError: The token names none of them.
    """
    return _NEEDED_BY_LAYER[token]


def lacking(requirement: Requirement, cell: Cell, capabilities: Capabilities) -> tuple[str, ...]:
    """Return the capabilities of a cell that are not supported; `rest of block` if only a part of `block` is."""
    without = tuple(one for one in needed(requirement, cell) if capabilities.support(one) is not Support.SUPPORTED)
    if has_pattern(cell.pattern, cell.layer, capabilities):
        return without
    return (*without, f"{REST}{pattern_capability(cell.pattern)}")


def is_promised(cell: Cell, contract: Contract) -> bool:
    """Return whether a contract promises what a cell judges.

    Only invariances and schedules can be left open. The area DECLARE judges the invariances that are declared, and WALK
    those that hold whether declared or not. SCHED judges the schedules that are declared, and by one requirement that
    the others are refused.
    """
    if cell.layer in SCHEDULES:
        return _is_scheduled(cell, contract)
    if cell.layer not in RELATIONS:
        return True
    return cell.layer in (contract.declared_invariances if cell.area == "DECLARE" else contract.always_invariant)


REFUSES_SCHEDULES = "SCHED-08"
"""The requirement by which undeclared schedules are refused."""


def _is_scheduled(cell: Cell, contract: Contract) -> bool:
    """Return whether a schedule is declared; for the refusal, whether it is not, but its kind is if it has options."""
    kind, *options = SCHEDULES[cell.layer]
    offered = set(contract.offered_schedules)
    if cell.requirement != REFUSES_SCHEDULES:
        return offered >= {kind, *options}
    return (kind in offered) if set(options) - offered else (not options and kind not in offered)


def stand_ins(cell: Cell) -> tuple[str, str, str]:
    """Return network, pattern and dtype of a cell; canonical ones for a program, which brings its own."""
    if cell.pattern == OFFERED:
        return "linear", "given", "float32"
    return "linear" if cell.layer in {**COMPOSITIONS, **_TRAININGS, **MODELS} else cell.layer, cell.pattern, cell.dtype


REST = "rest of "
"""The prefix of the name of the unsupported parts of a partly supported pattern."""
