"""What the checks of a script share. It is copied into scripts, so it uses torch and Python alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.testing import assert_close

from ..adapter.protocol import Batch, Sparsified
from ..values.plan import Plan


def find(model: nn.Module, name: str) -> nn.Parameter:
    """Return a parameter by its dense name, also from under a wrapper."""
    found = dict(model.named_parameters(remove_duplicate=False))
    return found[name] if name in found else next(one for path, one in found.items() if path.endswith(f".{name}"))


def masked(dense: nn.Module, masks: Mapping[str, Tensor]) -> nn.Module:
    """Return a copy of a dense model with zeros where a mask removes."""
    plain = copy.deepcopy(dense)
    for name, mask in masks.items():
        weight = plain.get_parameter(name)
        weight.data = weight.data.masked_fill(~mask, 0)
    return plain


def assert_same_output(model: Callable[[Tensor], Tensor], expected: nn.Module, inputs: Tensor, bound: float) -> None:
    """Assert that two models compute the same."""
    with torch.no_grad():
        assert_close(model(inputs), expected(inputs), rtol=bound, atol=bound, equal_nan=True)


def assert_masks(sparsified: Sparsified, expected: Mapping[str, Tensor]) -> None:
    """Assert that the reported masks are the expected ones."""
    for name, mask in expected.items():
        wrong = int((sparsified.masks()[name] != mask).sum())
        assert not wrong, f"mask of {name}: {wrong} of {mask.numel()} entries differ from those expected"


def copied(masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return copies of masks."""
    return {name: mask.clone() for name, mask in masks.items()}


def load(model: nn.Module, state: Mapping[str, Any]) -> None:
    """Load a state dict strictly, which must go through."""
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError as error:
        raise AssertionError(f"expected a state dict that loads strictly, seen {error}") from error


def train(sparsified: Sparsified, batches: list[Batch]) -> None:
    """Take a step of SGD per batch."""
    optimizer = torch.optim.SGD(sparsified.model.parameters(), lr=0.1, momentum=0.9)
    sparsified.train(batches * 4, mse_loss, optimizer)


def train_plain(model: nn.Module, batches: list[Batch], optimizer: torch.optim.Optimizer | None = None) -> None:
    """Take the same steps in a loop of torch alone."""
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for data, target in batches * 4:
        optimizer.zero_grad()
        mse_loss(model(data), target).backward()
        optimizer.step()


def train_masked(model: nn.Module, masks: Mapping[str, Tensor], batches: list[Batch]) -> None:
    """Take the same steps, without gradients for the entries that masks remove."""
    for name, mask in masks.items():
        model.get_parameter(name).register_hook(lambda gradient, mask=mask: gradient.masked_fill(~mask, 0))
    train_plain(model, batches)


def loss(model: nn.Module, batches: list[Batch]) -> float:
    """Return the loss over batches."""
    with torch.no_grad():
        return sum(float(mse_loss(model(data), target)) for data, target in batches)


def units(tensor: Tensor, pattern: Any) -> Tensor:
    """Return the sums over the units of a pattern, as (groups, units); a level counts units within a group."""
    if hasattr(pattern, "dim"):
        return tensor.transpose(0, pattern.dim).flatten(1).sum(1)[None]
    if hasattr(pattern, "shape"):
        (high, wide), (rows, columns) = pattern.shape, tensor.shape
        return tensor.reshape(rows // high, high, columns // wide, wide).sum((1, 3)).reshape(1, -1)
    return tensor.reshape(-1, pattern.m) if hasattr(pattern, "m") else tensor.reshape(1, -1)


def stated(pattern: Any, weight: Tensor) -> Tensor | None:
    """Return the mask that a pattern states itself, or None if it ranks."""
    if hasattr(pattern, "mask"):
        return torch.as_tensor(pattern.mask)
    if hasattr(pattern, "width"):
        rows, columns = torch.arange(weight.shape[0])[:, None], torch.arange(weight.shape[1])
        band: Tensor = (rows - columns).abs() <= pattern.width // 2
        return band
    return None


def assert_ranked(scores: Tensor, kept: Tensor, slack: float, what: str) -> None:
    """Assert for each group that no removed unit scores above a kept one."""
    highest = scores.masked_fill(kept, -1.0).amax(1)
    lowest = scores.masked_fill(~kept, float("inf")).amin(1)
    wrong = [
        (one, other) for one, other in zip(highest.tolist(), lowest.tolist(), strict=True) if one > other * (1 + slack)
    ]
    assert not wrong, f"{what}: a unit that scores {wrong[0][0]:.6g} is removed, one that scores {wrong[0][1]:.6g} kept"


def tensors(value: Any, path: str = "") -> dict[str, Tensor]:
    """Return the tensors of nested mappings and lists, by path."""
    if isinstance(value, Tensor):
        return {path: value}
    if isinstance(value, (list, tuple)):
        value = dict(enumerate(value))
    parts = value.items() if isinstance(value, Mapping) else ()
    return {name: one for key, part in parts for name, one in tensors(part, f"{path}.{key}".lstrip(".")).items()}


def all_tensors(sparsified: Sparsified) -> dict[str, Tensor]:
    """Return the parameters, buffers, masks and sidecar of a sparsified model."""
    model = sparsified.model
    named = {"model": dict(model.named_parameters()) | dict(model.named_buffers())}
    return tensors({**named, "masks": sparsified.masks(), "sidecar": sparsified.sidecar()})


def assert_equal(seen: Mapping[str, Tensor], expected: Mapping[str, Tensor], what: str) -> None:
    """Assert that tensors are equal, name by name."""
    for name, one in expected.items():
        assert name in seen, f"{what}: {name} is gone"
        same = torch.equal(seen[name].isnan(), one.isnan()) and torch.equal(seen[name].nan_to_num(), one.nan_to_num())
        assert same, f"{what}: {name} is expected {one}, seen {seen[name]}"


def assert_separate(some: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> None:
    """Assert that no tensor shares storage with another one."""
    owners = {one.untyped_storage().data_ptr(): name for name, one in others.items() if one.numel()}
    for name, one in some.items():
        owner = owners.get(one.untyped_storage().data_ptr()) if one.numel() else None
        assert owner is None, f"{name} shares storage with {owner}"


def assert_refused(act: Callable[[], object], model: nn.Module, words: Iterable[str]) -> None:
    """Assert that a call raises an error that contains one of the words, and leaves the model unchanged."""
    before = {name: one.detach().clone() for name, one in model.state_dict().items()}
    try:
        act()
    except Exception as error:
        named = any(word.lower() in str(error).lower() for word in words)
        assert named, f"expected an error that names one of {', '.join(words)}, seen {type(error).__name__}: {error}"
        assert list(model.state_dict()) == list(before), "expected an unchanged model, seen another state dict"
        assert_equal(model.state_dict(), before, "the model after the refusal")
        return
    raise AssertionError(f"expected an error that names one of {', '.join(words)}, seen none")


def modules_of(model: nn.Module) -> dict[str, str]:
    """Return the type of every module, by name."""
    return {name: type(module).__name__ for name, module in model.named_modules()}


def flags_of(model: nn.Module) -> dict[str, bool]:
    """Return every training flag and requires_grad, by name."""
    trains = {f"{name or 'the model'}.training": module.training for name, module in model.named_modules()}
    return trains | {f"{name}.requires_grad": one.requires_grad for name, one in model.named_parameters()}


def layers_of(plan: Plan) -> list[str]:
    """Return the names of the planned layers."""
    return list(dict.fromkeys(name.rpartition(".")[0] for name in plan.names))


def assert_zero(model: nn.Module, masks: Mapping[str, Tensor], plan: Plan) -> None:
    """Assert that forward uses zero for every removed entry of the planned parameters."""
    for name, weight in weights_in_use(model, plan).items():
        wrong = int((weight[~masks[name]] != 0).sum())
        assert not wrong, f"removed entries of {name} that are not zero in forward: expected none, seen {wrong}"


def weights_in_use(model: nn.Module, plan: Plan) -> dict[str, Tensor]:
    """Return copies of the planned weights that forward uses, by name."""
    places = [(name, *name.rpartition(".")) for name in plan.names]
    return {name: getattr(model.get_submodule(path), own).detach().clone() for name, path, _, own in places}
