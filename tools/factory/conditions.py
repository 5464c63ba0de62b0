"""The conditions, by axis, each with attributes of a scene in which it holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from sparsecheck import Band, Block, Channel, Given, NofM, Unstructured
from tests.conditional.given import FORTRAN

from .faulty import At, Condition

# ----------------------------------------------------------------- layers


def _is(*kinds: type[nn.Module]) -> Any:
    return lambda at: isinstance(at.module, kinds)


def _groups(at: At) -> int:
    groups = getattr(at.module, "groups", 1)
    return groups if isinstance(groups, int) else 1


def _is_plain(at: At) -> bool:
    return not any(kind.__module__.startswith("torch.nn.modules") and kind is not nn.Module
                   for kind in type(at.module).__mro__)


_LAYERS: dict[str, Any] = {
    "conv1d": _is(nn.Conv1d),
    "conv2d": lambda at: isinstance(at.module, nn.Conv2d) and _groups(at) == 1 and min(at.weight.shape[:2]) > 1,
    "conv3d": _is(nn.Conv3d),
    "transposed conv2d": _is(nn.ConvTranspose2d),
    "grouped conv2d": lambda at: 1 < _groups(at) < len(at.weight),
    "depthwise conv2d": lambda at: _groups(at) == len(at.weight) > 1,
    "embedding": _is(nn.Embedding),
    "lstm": _is(nn.LSTM),
    "gru": _is(nn.GRU),
    "attention": _is(nn.MultiheadAttention),
    "norm": _is(nn.BatchNorm1d),
    "bias": lambda at: at.name.endswith("bias"),
    "plain parameter": _is_plain,
}

# ----------------------------------------------------------------- sizes

_SIZES: dict[str, Any] = {
    "linear with one output": lambda at: at.weight.dim() == 2 and at.weight.shape[0] == 1 < at.weight.numel(),
    "linear with one entry": lambda at: at.weight.numel() == 1,
    "linear of prime sizes": lambda at: at.weight.dim() == 2 and all(size % 2 and size > 1 for size in at.weight.shape),
    "linear of 66820 entries": lambda at: at.weight.numel() > 2**16,
    "linear of 300 outputs": lambda at: len(at.weight) > 256 and at.weight.numel() < 2**16,
    "conv2d with one output": lambda at: at.weight.dim() == 4 and at.weight.shape[0] == 1,
    "conv2d with one input": lambda at: at.weight.dim() == 4 and at.weight.shape[1] == 1 and _groups(at) == 1,
}

# ----------------------------------------------------------------- dtypes, memory, values

_DTYPES = {"float64": torch.float64, "bfloat16": torch.bfloat16, "float16": torch.float16}


def _has_ties(at: At) -> bool:
    return 1 < len(at.weight.unique()) <= at.weight.numel() // 4


_VALUES: dict[str, Any] = {
    "ties": _has_ties,
    "equal": lambda at: at.weight.numel() > 1 and bool((at.weight == at.weight.flatten()[0]).all()),
    "zeros": lambda at: bool((at.weight == 0).sum() > 1),
    "nan": lambda at: bool(at.weight.isnan().any()),
    "inf": lambda at: bool(at.weight.isinf().any()),
    "subnormal": lambda at: 0 < float(at.weight.abs().max()) < 1e-30,
    "wide": lambda at: bool(at.weight.abs().max() > 1e5 * at.weight.abs().min() > 0),
    "positive": lambda at: at.weight.numel() > 1 and bool((at.weight > 0).all()) and bool(at.weight.std() > 0),
}

# ----------------------------------------------------------------- modes


def _hooked(at: At) -> bool:
    return bool(at.module._forward_hooks)


_MODES: dict[str, Any] = {
    "eval": lambda at: not at.module.training and not at.work.model.training,
    "partly eval": lambda at: not at.module.training and at.work.model.training,
    "frozen": lambda at: not any(one.requires_grad for one in at.work.model.parameters()),
    "partly frozen": lambda at: not at.original.requires_grad and any(
        one.requires_grad for one in at.work.model.parameters()),
    "gradients exist": lambda at: at.original.grad is not None,
    "user's hooks": _hooked,
    "default float64": lambda at: torch.get_default_dtype() == torch.float64,
}

# ----------------------------------------------------------------- calls


def _level(at: At) -> float:
    level = at.levels[-1] if at.levels else None
    return -1.0 if level is None else float(level)


def _came_down(at: At) -> bool:
    before = [level for level in at.levels[:-1] if level is not None]
    return bool(before) and 0 <= _level(at) < before[-1]


def _went_up(at: At) -> bool:
    before = [level for level in at.levels[:-1] if level is not None]
    return bool(before) and _level(at) > before[-1]


_CALLS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "second update": (lambda at: at.calls == 2, ("update", "write", "update")),
    "third update": (lambda at: at.calls == 3, ("update", "update", "write", "update")),
    "update at a level": (lambda at: _level(at) >= 0, ("update", ("update", 0.75))),
    "same level again": (lambda at: at.calls > 1 and _level(at) >= 0 and at.levels[-1] == at.levels[-2],
                         (("update", 0.75), "write", ("update", 0.75))),
    "higher level": (_went_up, (("update", 0.25), ("update", 0.75))),
    "lower level": (_came_down, (("update", 0.75), ("update", 0.5))),
    "level 0": (lambda at: _level(at) == 0, (("update", 0.0),)),
    "level 1": (lambda at: _level(at) == 1, (("update", 1.0),)),
    "level near 0": (lambda at: 0 < _level(at) < 0.05, (("update", 0.04),)),
    "level near 1": (lambda at: 0.95 < _level(at) < 1, (("update", 0.97),)),
    "level of three decimals": (lambda at: _level(at) > 0 and round(_level(at), 2) != _level(at), (("update", 0.335),)),
    "int level": (lambda at: bool(at.levels) and isinstance(at.levels[-1], int), (("update", 1),)),
}

# ----------------------------------------------------------------- plans


def _place(number: int) -> Any:
    return lambda at: at.work.plan.names.index(at.name) == number


_PLANS: dict[str, tuple[Any, dict[str, Any]]] = {
    "third parameter": (_place(2), {"planned": 3}),
    "fifth parameter": (_place(4), {"planned": 5}),
    "only parameter": (lambda at: len(at.work.plan.names) == 1, {"planned": 1}),
    "ranked together": (lambda at: at.work.plan.scope == "all", {"scope": "all"}),
    "two levels": (lambda at: len(set(map(repr, at.work.plan.patterns.values()))) > 1,
                   {"patterns": (Unstructured(0.25), Unstructured(0.75))}),
    "channels": (lambda at: isinstance(at.pattern, Channel) and at.pattern.dim == 0, {"patterns": (Channel(0.5),)}),
    "input channels": (lambda at: isinstance(at.pattern, Channel) and at.pattern.dim == 1,
                       {"patterns": (Channel(0.5, 1),)}),
    "blocks": (lambda at: isinstance(at.pattern, Block), {"patterns": (Block((2, 2), 0.5),)}),
    "ragged blocks": (lambda at: isinstance(at.pattern, Block) and any(
        size % edge for size, edge in zip(at.weight.shape, at.pattern.shape, strict=True)),
        {"patterns": (Block((3, 4), 0.5),)}),
    "n of m": (lambda at: isinstance(at.pattern, NofM), {"patterns": (NofM(1, 2),)}),
    "band": (lambda at: isinstance(at.pattern, Band), {"patterns": (Band(5),)}),
    "given": (lambda at: isinstance(at.pattern, Given), {"patterns": (FORTRAN,)}),
    "weight beside bias": (lambda at: len(at.work.plan.names) > 1 and at.name.endswith("bias"),
                           {"attributes": ("weight", "bias"), "planned": 1}),
}


def _is_dtype(dtype: torch.dtype) -> Any:
    return lambda at: at.weight.dtype == dtype


def _all() -> Iterator[Condition]:
    for name, holds in _LAYERS.items():
        yield Condition(name, "layer", holds, {"layer": name})
    for name, holds in _SIZES.items():
        yield Condition(name, "size", holds, {"layer": name, "planned": 1})
    for name, dtype in _DTYPES.items():
        yield Condition(name, "dtype", _is_dtype(dtype), {"dtype": dtype})
    yield Condition("transposed weight", "memory", lambda at: at.weight.dim() == 2 and not at.weight.is_contiguous(),
                    {"memory": "transposed"})
    yield Condition("channels_last", "memory", lambda at: at.weight.dim() == 4 and not at.weight.is_contiguous(),
                    {"layer": "conv2d", "memory": "channels_last"})
    for name, holds in _VALUES.items():
        yield Condition(name, "value", holds, {"values": name})
    for name, holds in _MODES.items():
        yield Condition(name, "mode", holds, {"modes": (name,)})
    for name, (holds, steps) in _CALLS.items():
        yield Condition(name, "call", holds, steps=steps)
    for name, (holds, scene) in _PLANS.items():
        yield Condition(name, "plan", holds, scene)


CONDITIONS: tuple[Condition, ...] = tuple(_all())
