"""Functions that several checks share; they are copied into scripts, so they use only torch and Python itself."""

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
    """Raised if a check fails; the arguments are the expected and the observed state, in words."""


def require(condition: object, expected: str, seen: str) -> None:
    """Raise unless a condition holds.

    Raises:
        Failure: The condition does not hold.
    """
    if not condition:
        raise Failure(expected, seen)


def integers(name: str, shape: tuple[int, ...], below: int) -> Tensor:
    """Return deterministic integers, derived from a name by SHAKE-256, equal on every machine and torch version."""
    count = math.prod(shape)
    words = struct.unpack(f"<{count}Q", hashlib.shake_256(name.encode()).digest(8 * count))
    return torch.tensor([word % below for word in words], device=DEVICE).reshape(shape)


def reals(name: str, shape: tuple[int, ...]) -> Tensor:
    """Return deterministic float64 numbers between -1 and 1, derived from a name."""
    return (integers(name, shape, 2**23).double() * 2 + 1) / 2**23 - 1


def dense_model(variant: str = "", dtype: torch.dtype | None = None, kind: type[nn.Module] | None = None) -> nn.Module:
    """Return a dense model whose weights are derived from its parameter names."""
    model = (kind or Model)().to(DEVICE, dtype or DTYPE)
    for name, parameter in model.named_parameters():
        drawn = f"{CELL} {variant} {name if '.' in name else '.' + name}"
        parameter.data.copy_(reals(drawn, parameter.shape) / parameter.shape[1:].numel() ** 0.5)
    return model


def batches(count: int, variant: str) -> list[tuple[Tensor, Tensor]]:
    """Return batches of inputs and targets; another dense model computes the targets."""
    teacher = dense_model("target")
    made = [inputs(f"{variant} batch {number}") for number in range(count)]
    return [(one, teacher(one).detach()) for one in made]


def sparsified(model: nn.Module | None = None, plan: Plan | None = None) -> Sparsified:
    """Attach the sparsifier to a dense model, update once, and return it."""
    attached: Sparsified = ADAPTER.attach(dense_model() if model is None else model, plan or PLAN, CONTEXT)
    attached.update()
    return attached


def restored(saved: Saved, plan: Plan | None = None) -> Sparsified:
    """Restore a saved state on a dense model with other weights."""
    made: Sparsified = ADAPTER.restore(dense_model("restored"), plan or PLAN, saved, CONTEXT)
    if RENEWED:  # masks are not saved; an update creates them
        made.update()
    return made


def resumed(saved: Saved) -> Sparsified:
    """Restore a saved state with a plan that would give other masks; the saved masks take precedence."""
    return restored(saved, MISLEADING_PLAN)


def learn(attached: Sparsified) -> None:
    """Train the model for a few steps."""
    optimizer = torch.optim.SGD(attached.model.parameters(), lr=0.1, momentum=0.9)
    attached.train(batches(2, "lesson") * 4, functional.mse_loss, optimizer)


def given_mask(name: str, shape: tuple[int, ...]) -> Tensor:
    """Return a mask that keeps about half the entries, the first one but not the second."""
    mask = integers(f"{name} given mask", shape, 2).bool()
    mask.view(-1)[:2] = torch.tensor([True, False])
    return mask.cpu()


def said(error: Exception) -> str:
    """Return an exception in one line."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"


def masks_of(attached: Sparsified) -> dict[str, Tensor]:
    """Return copies of the masks."""
    return {name: mask.clone() for name, mask in attached.masks().items()}


def assert_equal(seen: Tensor, expected: Tensor, what: str, rule: str) -> None:
    """Raise if two tensors differ.

    Raises:
        Failure: An entry differs.
    """
    wrong = (seen != expected).nonzero().tolist()
    if wrong:
        first = tuple(wrong[0])
        counts = f"differs at {len(wrong)} of {seen.numel()} entries, first at {first}"
        values = f"expected {expected[first].item()}, seen {seen[first].item()}"
        raise Failure(rule, f"{what} of shape {tuple(seen.shape)} {counts}: {values}")


def assert_masks(attached: Sparsified, masks: Mapping[str, Tensor], rule: str) -> None:
    """Raise if a mask is not the expected one.

    Raises:
        Failure: A mask differs.
    """
    for name in PLAN.names:
        assert_equal(attached.masks()[name], masks[name], f"mask of {name}", rule)


class Witness(TorchFunctionMode):
    """Records the weight that each layer passes to its torch function."""

    layers = (functional.linear, functional.conv1d, functional.conv2d, functional.embedding)

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[Tensor] = []

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function in self.layers:
            self.weights.append(args[1] if len(args) > 1 else kwargs["weight"])
        return function(*args, **(kwargs or {}))


def used(model: nn.Module) -> dict[str, Tensor]:
    """Return the weight that each layer uses in forward, by the names of the dense model."""
    with Witness() as witness:
        model(inputs("probe"))
    return dict(zip(WEIGHTS, [weight.detach().double() for weight in witness.weights], strict=True))


def assert_used(model: nn.Module, expected: Mapping[str, Tensor], rule: str) -> None:
    """Raise if forward uses other weights than expected.

    Raises:
        Failure: A weight differs.
    """
    for name, weight in used(model).items():
        if name in expected:
            assert_equal(weight, expected[name], f"{name} as used in forward", rule)


def masked(model: nn.Module, masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return each planned weight of a dense model, with zeros where its mask removes entries."""
    weights = {name: model.get_parameter(name).detach().double() for name in PLAN.names}
    return {name: torch.where(masks[name], weight, 0.0) for name, weight in weights.items()}


def dense_weights(model: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters that training changes, by planned name."""
    return {name: model.get_parameter(place) for name, place in DENSE.items()}


def flags(model: nn.Module) -> dict[str, bool]:
    """Return the `training` and `requires_grad` flags of a model, which only the user may change."""
    trains = {f"{name or 'the model'}.training": module.training for name, module in model.named_modules()}
    return {**trains, **{f"{name}.requires_grad": one.requires_grad for name, one in model.named_parameters()}}


def build(model: nn.Module) -> dict[str, str]:
    """Return the type of each module, by name."""
    kinds = {name or "the model": type(module) for name, module in model.named_modules()}
    return {name: f"{kind.__module__}.{kind.__qualname__}" for name, kind in kinds.items()}


def assert_build(model: nn.Module, expected: Mapping[str, str], rule: str) -> None:
    """Raise if the modules of a model are not the expected ones.

    Raises:
        Failure: A module was added or removed, or has another type.
    """
    seen = build(model)
    for name in {**expected, **seen}:
        is_there, was = seen.get(name, "not there"), expected.get(name, "not there")
        require(is_there == was, f"{rule}: {name} is {was}", f"{name} is {is_there}")


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Return the leaves of nested mappings and lists, by path."""
    if isinstance(value, (list, tuple)):
        value = dict(enumerate(value))
    if not isinstance(value, Mapping):
        return {path: value}
    found: dict[str, Any] = {}
    for key, part in value.items():
        found.update(leaves(part, f"{path}.{key}".lstrip(".")))
    return found


def copied(value: Any) -> dict[str, Any]:
    """Return the leaves with copies of all tensors."""
    return {path: one.clone() if isinstance(one, Tensor) else one for path, one in leaves(value).items()}


def assert_unchanged(value: Any, before: Mapping[str, Any], rule: str) -> None:
    """Raise if a nested value has changed.

    Raises:
        Failure: A leaf is missing or differs.
    """
    now = leaves(value)
    gone = sorted(set(before) - set(now))
    require(not gone, rule, f"{', '.join(gone)} is gone")
    for path, one in before.items():
        if isinstance(one, Tensor):
            assert_equal(now[path], one, path, rule)


def tensors(attached: Sparsified) -> dict[str, Tensor]:
    """Return the parameters, buffers, masks and sidecar tensors of an attached sparsifier, by path."""
    model = {**dict(attached.model.named_parameters()), **dict(attached.model.named_buffers())}
    found = leaves({"model": model, "masks": attached.masks(), "sidecar": attached.sidecar()})
    return {path: one for path, one in found.items() if isinstance(one, Tensor)}
