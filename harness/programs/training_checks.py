"""Checks of a script: how a sparse model trains.

Each is copied into scripts. Its parameters are the names of a script's variables; see `lives`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from ..adapter.protocol import Batch, Sparsified
from ..values.plan import Plan
from .check_tools import (
    assert_masks,
    assert_same_output,
    assert_zero,
    copied,
    find,
    loss,
    masked,
    train,
    train_masked,
    train_plain,
    weights_in_use,
)

Start = tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor], float]


def something_learns(sparsified: Sparsified, batches: list[Batch]) -> None:
    before = [one.detach().clone() for one in sparsified.model.parameters()]
    train(sparsified, batches)
    moved = any(not torch.equal(one, other) for one, other in zip(before, sparsified.model.parameters(), strict=True))
    assert moved, "parameters that training changed: expected some, seen none"


def get_start(sparsified: Sparsified, plan: Plan, dense: nn.Module, batches: list[Batch]) -> Start:
    masks, used = copied(sparsified.masks()), weights_in_use(sparsified.model, plan)
    before, plain = loss(sparsified.model, batches), copy.deepcopy(dense)
    for name, parameter in plain.named_parameters():
        parameter.data = (used[name] if name in used else find(sparsified.model, name)).detach().clone()
    train_masked(plain, masks, batches)
    learns = {name: masks[name] & (plain.get_parameter(name) != used[name]) for name in used}
    return masks, used, learns, before


def sparse_and_learned(sparsified: Sparsified, start: Start, plan: Plan, batches: list[Batch]) -> None:
    masks, used, learns, before = start
    after = loss(sparsified.model, batches)
    assert_masks(sparsified, masks)
    assert_zero(sparsified.model, masks, plan)
    for name, weight in weights_in_use(sparsified.model, plan).items():
        moved = int((weight != used[name])[masks[name]].sum())
        assert moved or not learns[name].any(), f"kept entries of {name} that changed: expected some, seen none"
    if any(one.any() for one in learns.values()):
        assert after < before, f"loss: expected less than {before:.6g}, seen {after:.6g}"


def train_by_sgd(sparsified: Sparsified, batches: list[Batch]) -> None:
    train(sparsified, batches)


def train_by_adamw(sparsified: Sparsified, batches: list[Batch]) -> None:
    optimizer = torch.optim.AdamW(sparsified.model.parameters(), lr=1e-2, weight_decay=0.1)
    sparsified.train(batches * 4, mse_loss, optimizer)


def train_under_autocast(sparsified: Sparsified, batches: list[Batch], inputs: Tensor) -> None:
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        train(sparsified, batches)
        seen = sparsified.model(inputs).dtype
    assert seen == torch.bfloat16, f"output under autocast: expected bfloat16, seen {seen}"


def get_optimizer(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)


def train_by_earlier_optimizer(
    sparsified: Sparsified, batches: list[Batch], optimizer: torch.optim.Optimizer
) -> None:
    sparsified.train(batches * 4, mse_loss, optimizer)


def steps_by_sums(
    dense: nn.Module, sparsified: Sparsified, batches: list[Batch], inputs: Tensor, bound: float
) -> None:
    masks = copied(sparsified.masks())
    plain = masked(dense, masks)
    for model in (plain, sparsified.model):
        model.zero_grad()
        for data, target in batches[:2]:
            mse_loss(model(data), target).backward()
    torch.optim.SGD(plain.parameters(), lr=0.5).step()
    sparsified.step(torch.optim.SGD(sparsified.model.parameters(), lr=0.5))
    assert_masks(sparsified, masks)
    assert_same_output(sparsified.model, masked(plain, masks), inputs, bound)


def trains_like_plain(
    dense: nn.Module, sparsified: Sparsified, batches: list[Batch], inputs: Tensor, bound: float
) -> None:
    masks = copied(sparsified.masks())
    plain = masked(dense, masks)
    train_masked(plain, masks, batches)
    train(sparsified, batches)
    assert_same_output(sparsified.model, plain, inputs, bound)


def regrown_train(sparsified: Sparsified, earlier: Mapping[str, Tensor], plan: Plan, batches: list[Batch]) -> None:
    back = {name: mask & ~earlier[name] for name, mask in sparsified.masks().items()}
    before = weights_in_use(sparsified.model, plan)
    train(sparsified, batches)
    sparsified.model(batches[0][0])
    for name, weight in weights_in_use(sparsified.model, plan).items():
        moved, count = int((weight != before[name])[back[name]].sum()), int(back[name].sum())
        assert count, f"entries of {name} that came back: expected some, seen none"
        assert 4 * moved >= count, f"of {count} entries of {name} that came back, training changed {moved}"


def updated_without_gradients(sparsify: Callable[[], Sparsified], batches: list[Batch]) -> None:
    with torch.no_grad():
        sparsified = sparsify()
    something_learns(sparsified, batches)
    with torch.no_grad():
        final = sparsified.finalize()
    mse_loss(final(batches[0][0]), batches[0][1]).backward()
    for name, parameter in final.named_parameters():
        assert parameter.grad is not None, f"gradient of {name} after finalize under no_grad: expected one, seen none"


def rezeroed_by_package(
    sparsified: Sparsified, plan: Plan, batches: list[Batch], optimizer: torch.optim.Optimizer
) -> None:
    masks = copied(sparsified.masks())
    held = {id(one) for group in optimizer.param_groups for one in group["params"]}
    own = held >= {id(one) for one in sparsified.model.parameters()}
    train_plain(sparsified.model, batches, optimizer if own else None)
    sparsified.model(batches[0][0])
    assert_zero(sparsified.model, masks, plan)


def train_before(model: nn.Module, batches: list[Batch], optimizer: torch.optim.Optimizer) -> None:
    train_plain(model, batches, optimizer)
