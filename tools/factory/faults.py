"""The faults, by kind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from sparsecheck import Block, Channel, Pattern, Unstructured
from sparsecheck.adapter.holders import split_name
from sparsecheck.adapter.shipped.exemplar import new_mask

from .faulty import At, Fault

# ----------------------------------------------------------------- wrong rule


def _relevel(pattern: Pattern, level: Any) -> Pattern:
    if isinstance(pattern, (Unstructured, Block, Channel)):
        return replace(pattern, level=level(pattern.level))
    return pattern


def _one_more(mask: Tensor, kept: bool) -> Tensor:
    """Return a mask in which the first entry that is not `kept` becomes so."""
    flat = mask.flatten()
    other = (flat != kept).nonzero()
    if len(other):
        flat[other[0, 0]] = kept
    return flat.view_as(mask)


def _each_row(at: At, mask: Tensor) -> Tensor:
    if mask.dim() < 2 or not isinstance(at.pattern, Unstructured):
        return mask
    rows = zip(at.weight, at.work.earlier[at.name], strict=True)
    return torch.stack([new_mask(at.pattern, row, kept, at.work.contract) for row, kept in rows])


def _to_tenths(at: At, pattern: Pattern) -> Pattern:
    return _relevel(pattern, lambda level: int(level * 10) / 10)


_RULES = (
    Fault("ranks signed weights", "wrong rule", "rank", lambda at, weight: weight - weight.min()),
    Fault("keeps the smallest", "wrong rule", "rank", lambda at, weight: weight.abs().max() - weight.abs()),
    Fault("ranks coarsely", "wrong rule", "rank", lambda at, weight: weight.sign() * (weight.abs() * 2).ceil()),
    Fault("ranks squares", "wrong rule", "rank", lambda at, weight: weight.square(), {"patterns": (Channel(0.5),)}),
    Fault("removes one more", "wrong rule", "mask", lambda at, mask: _one_more(mask, False)),
    Fault("keeps one more", "wrong rule", "mask", lambda at, mask: _one_more(mask, True)),
    Fault("halves the level", "wrong rule", "pattern",
          lambda at, pattern: _relevel(pattern, lambda level: level / 2)),
    Fault("truncates the level to tenths", "wrong rule", "pattern", _to_tenths, {"patterns": (Unstructured(0.375),)}),
    Fault("prunes each row", "wrong rule", "mask", _each_row, {"patterns": (Unstructured(0.4),)}),
)

# ----------------------------------------------------------------- wrong tensor


def _of_the_first(at: At, mask: Tensor) -> Tensor:
    first = at.work.mask_tensor(at.work.plan.names[0])
    return first.clone() if first.shape == mask.shape else mask


def _zero_the_bias(at: At, _: None) -> None:
    bias = getattr(at.module, "bias", None)
    if isinstance(bias, nn.Parameter) and not at.name.endswith("bias"):
        bias.data[0] = 0


def _zero_a_neighbour(at: At, _: None) -> None:
    planned = {split_name(name)[0] for name in at.work.plan.names}
    for name, parameter in at.work.model.named_parameters():
        if not any(name.startswith(f"{path}.") for path in planned):
            parameter.data.view(-1)[0] = 0
            return


def _leak(at: At, masked: Tensor) -> Tensor:
    assert at.given is not None
    return masked + (at.given - at.given.detach()).nan_to_num(0, 0, 0)


_TENSORS = (
    Fault("takes the mask of the first", "wrong tensor", "mask", _of_the_first),
    Fault("shifts the mask", "wrong tensor", "mask", lambda at, mask: mask.roll(1, -1)),
    Fault("zeroes a bias", "wrong tensor", "updated", _zero_the_bias),
    Fault("zeroes a neighbour's weight", "wrong tensor", "updated", _zero_a_neighbour),
    Fault("gives removed entries gradients", "wrong tensor", "use", _leak),
    Fault("leaves a little of removed entries", "wrong tensor", "use",
          lambda at, masked: masked.masked_fill(~at.mask, 0.001)),
)

# ----------------------------------------------------------------- wrong moment

_MOMENTS = (
    Fault("keeps the mask of before", "wrong moment", "mask", lambda at, mask: at.work.earlier[at.name]),
    Fault("never regrows", "wrong moment", "mask", lambda at, mask: mask & at.work.earlier[at.name]),
    Fault("ranks masked weights", "wrong moment", "rank", lambda at, weight: weight * at.mask),
    Fault("is dense in forward", "wrong moment", "use", lambda at, masked: at.given),
    Fault("detaches in forward", "wrong moment", "use", lambda at, masked: masked.detach()),
)

# ----------------------------------------------------------------- lost state


def _save_dense(at: At, state: dict[str, Tensor]) -> None:
    path, attribute = split_name(at.name)
    key = f"{path}.parametrizations.{attribute}.0.mask".lstrip(".")
    state[key] = torch.ones_like(state[key])


def _remove_for_good(at: At, _: None) -> None:
    at.original.data.masked_fill_(~at.mask, 0)


_LOST = (
    Fault("copies are dense", "lost state", "copy", lambda at, mask: torch.ones_like(mask),
          steps=("deepcopy", "forward")),
    Fault("a cast loses the mask", "lost state", "cast", lambda at, mask: torch.ones_like(mask),
          steps=(("cast", torch.float64),)),
    Fault("does not save the mask", "lost state", "saved", _save_dense, steps=("restore", "forward")),
    Fault("does not load the mask", "lost state", "loaded", lambda at, before: at.mask.copy_(before),
          steps=("reload", "forward")),
    Fault("removes for good", "lost state", "updated", _remove_for_good),
    Fault("finalizes dense", "lost state", "finalize", lambda at, _: at.mask.fill_(True),
          steps=("finalize", "forward")),
)

# ----------------------------------------------------------------- leaked state


def _drop_gradient(at: At, _: None) -> None:
    at.original.grad = None


_LEAKED = (
    Fault("unfreezes", "leaked state", "updated", lambda at, _: at.original.requires_grad_(True),
          {"modes": ("frozen",)}, ("forward",)),
    Fault("switches the mode", "leaked state", "updated", lambda at, _: at.module.train(not at.module.training)),
    Fault("changes the default dtype", "leaked state", "updated", lambda at, _: torch.set_default_dtype(torch.float64)),
    Fault("draws random numbers", "leaked state", "updated", lambda at, _: torch.rand(1)),
    Fault("drops gradients", "leaked state", "updated", _drop_gradient, {"modes": ("gradients exist",)}),
    Fault("clears a user's hooks", "leaked state", "updated", lambda at, _: at.module._forward_hooks.clear(),
          {"modes": ("user's hooks",)}),
    Fault("leaves a buffer behind", "leaked state", "finalized",
          lambda at, parts: parts[0].register_buffer("kept", parts[1], persistent=False), steps=("finalize",)),
)

FAULTS: tuple[Fault, ...] = (*_RULES, *_TENSORS, *_MOMENTS, *_LOST, *_LEAKED)
