"""What several judgements share. It is written into scripts as it stands, so it uses torch and nothing else."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from ...adapter.protocol import Saved, Sparsified
from ...values.plan import Plan
from .placeholders import (
    ADAPTER,
    CELL,
    CONTEXT,
    DENSE,
    DEVICE,
    DTYPE,
    MISLEADING_PLAN,
    PLAN,
    RENEWED,
    WEIGHTS,
    Model,
    inputs,
)


class Failure(Exception):
    """What was expected, and what is seen instead."""


def require(condition: object, expected: str, seen: str) -> None:
    """Raises:
    Failure: the condition does not hold.
    """
    if not condition:
        raise Failure(expected, seen)


def integers(name: str, shape: tuple[int, ...], below: int) -> Tensor:
    """The same numbers on every machine and with every torch: the bits are SHAKE-256's of a name."""
    count = math.prod(shape)
    words = struct.unpack(f"<{count}Q", hashlib.shake_256(name.encode()).digest(8 * count))
    return torch.tensor([word % below for word in words], device=DEVICE).reshape(shape)


def reals(name: str, shape: tuple[int, ...]) -> Tensor:
    """Between -1 and 1."""
    return (integers(name, shape, 2**23).double() * 2 + 1) / 2**23 - 1


def dense_model(variant: str = "", dtype: torch.dtype | None = None, kind: type[nn.Module] | None = None) -> nn.Module:
    """The model, with weights that are drawn from the names."""
    model = (kind or Model)().to(DEVICE, dtype or DTYPE)
    for name, parameter in model.named_parameters():
        drawn = f"{CELL} {variant} {name if '.' in name else '.' + name}"
        parameter.data.copy_(reals(drawn, parameter.shape) / parameter.shape[1:].numel() ** 0.5)
    return model


def batches(count: int, variant: str) -> list[tuple[Tensor, Tensor]]:
    """Batches of inputs and targets; these are what another model gives."""
    teacher = dense_model("target")
    made = [inputs(f"{variant} batch {number}") for number in range(count)]
    return [(one, teacher(one).detach()) for one in made]


def sparsified(model: nn.Module | None = None, plan: Plan | None = None) -> Sparsified:
    """A dense model attached to and updated once."""
    attached: Sparsified = ADAPTER.attach(dense_model() if model is None else model, plan or PLAN, CONTEXT)
    attached.update()
    return attached


def restored(saved: Saved, plan: Plan | None = None) -> Sparsified:
    """From what was saved, on a dense model of other weights."""
    made: Sparsified = ADAPTER.restore(dense_model("restored"), plan or PLAN, saved, CONTEXT)
    if RENEWED:  # masks are stored nowhere, and come with the update
        made.update()
    return made


def resumed(saved: Saved) -> Sparsified:
    """Restored with a plan that asks for other masks, which those that were saved go before."""
    return restored(saved, MISLEADING_PLAN)


def learn(attached: Sparsified) -> None:
    """Train it a little."""
    optimizer = torch.optim.SGD(attached.model.parameters(), lr=0.1, momentum=0.9)
    attached.train(batches(2, "lesson") * 4, functional.mse_loss, optimizer)


def given_mask(name: str, shape: tuple[int, ...]) -> Tensor:
    """About half the entries, the first kept and the second not."""
    mask = integers(f"{name} given mask", shape, 2).bool()
    mask.view(-1)[:2] = torch.tensor([True, False])
    return mask.cpu()


def said(error: Exception) -> str:
    """An exception in one line."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"


def masks_of(attached: Sparsified) -> dict[str, Tensor]:
    return {name: mask.clone() for name, mask in attached.masks().items()}


def judge_equal(seen: Tensor, expected: Tensor, what: str, rule: str) -> None:
    """Raises:
    Failure: an entry differs.
    """
    wrong = (seen != expected).nonzero().tolist()
    if wrong:
        first = tuple(wrong[0])
        counts = f"differs at {len(wrong)} of {seen.numel()} entries, first at {first}"
        values = f"expected {expected[first].item()}, seen {seen[first].item()}"
        raise Failure(rule, f"{what} of shape {tuple(seen.shape)} {counts}: {values}")


def judge_masks(attached: Sparsified, masks: Mapping[str, Tensor], rule: str) -> None:
    """Raises:
    Failure: a mask is another.
    """
    for name in PLAN.names:
        judge_equal(attached.masks()[name], masks[name], f"mask of {name}", rule)


class Witness(TorchFunctionMode):
    """Notes the weight that reaches each layer's function."""

    layers = (functional.linear, functional.conv1d, functional.conv2d, functional.embedding)

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[Tensor] = []

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in self.layers:
            self.weights.append(args[1] if len(args) > 1 else kwargs["weight"])
        return function(*args, **(kwargs or {}))


def used(model: nn.Module) -> dict[str, Tensor]:
    """The weight that each layer computes with in forward, by the dense model's names."""
    with Witness() as witness:
        model(inputs("probe"))
    return dict(zip(WEIGHTS, [weight.detach().double() for weight in witness.weights], strict=True))


def judge_used(model: nn.Module, expected: Mapping[str, Tensor], rule: str) -> None:
    """Raises:
    Failure: forward computes with another weight.
    """
    for name, weight in used(model).items():
        if name in expected:
            judge_equal(weight, expected[name], f"{name} as used in forward", rule)


def masked(model: nn.Module, masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Each planned weight of a dense model, with zeros where its mask removes."""
    weights = {name: model.get_parameter(name).detach().double() for name in PLAN.names}
    return {name: torch.where(masks[name], weight, 0.0) for name, weight in weights.items()}


def dense_weights(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that training changes."""
    return {name: model.get_parameter(place) for name, place in DENSE.items()}


def flags(model: nn.Module) -> dict[str, bool]:
    """What a user sets, and nobody else is to change."""
    trains = {f"{name or 'the model'}.training": module.training for name, module in model.named_modules()}
    return {**trains, **{f"{name}.requires_grad": one.requires_grad for name, one in model.named_parameters()}}


def build(model: nn.Module) -> dict[str, str]:
    """The type of each module."""
    kinds = {name or "the model": type(module) for name, module in model.named_modules()}
    return {name: f"{kind.__module__}.{kind.__qualname__}" for name, kind in kinds.items()}


def judge_build(model: nn.Module, expected: Mapping[str, str], rule: str) -> None:
    """Raises:
    Failure: a module is new, gone or of another type.
    """
    seen = build(model)
    for name in {**expected, **seen}:
        is_there, was = seen.get(name, "not there"), expected.get(name, "not there")
        require(is_there == was, f"{rule}: {name} is {was}", f"{name} is {is_there}")


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """What nested mappings and lists hold, by path."""
    if isinstance(value, (list, tuple)):
        value = dict(enumerate(value))
    if not isinstance(value, Mapping):
        return {path: value}
    found: dict[str, Any] = {}
    for key, part in value.items():
        found.update(leaves(part, f"{path}.{key}".lstrip(".")))
    return found


def copied(value: Any) -> dict[str, Any]:
    """The leaves, with every tensor copied."""
    return {path: one.clone() if isinstance(one, Tensor) else one for path, one in leaves(value).items()}


def judge_unchanged(value: Any, before: Mapping[str, Any], rule: str) -> None:
    """Raises:
    Failure: a leaf is gone or differs.
    """
    now = leaves(value)
    gone = sorted(set(before) - set(now))
    require(not gone, rule, f"{', '.join(gone)} is gone")
    for path, one in before.items():
        if isinstance(one, Tensor):
            judge_equal(now[path], one, path, rule)


def tensors(attached: Sparsified) -> dict[str, Tensor]:
    """All that belongs to one."""
    model = {**dict(attached.model.named_parameters()), **dict(attached.model.named_buffers())}
    found = leaves({"model": model, "masks": attached.masks(), "sidecar": attached.sidecar()})
    return {path: one for path, one in found.items() if isinstance(one, Tensor)}
