"""Checks of a script: an optimizer that lives through updates.

Each is copied into scripts. Its parameters are the names of a script's variables; see `lives`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from torch.optim import Optimizer

from ..adapter.protocol import Batch, Saved, Sparsified
from ..trials.optimizers import adam, adamw, foreach, fused, in_groups, momentum, nesterov, plain_sgd
from ..values.plan import Plan
from .check_tools import assert_same_output, assert_zero, copied, find, masked, weights_in_use

Twin = tuple[Optimizer, nn.Module, Optimizer]
Build = Callable[[Iterable[nn.Parameter]], Optimizer]


def twin_of(build: Build, sparsified: Sparsified, dense: nn.Module) -> Twin:
    """Return an optimizer of the sparse model, a plain model, and the same optimizer of that."""
    plain = copy.deepcopy(dense)
    return build(sparsified.model.parameters()), plain, build(plain.parameters())


def find_planned(model: nn.Module, name: str) -> nn.Parameter:
    """Return the parameter that is trained for a planned weight."""
    path, _, own = name.rpartition(".")
    found = dict(model.named_parameters())
    places = (f"{path}.parametrizations.{own}.original".lstrip("."), f"{name}_orig")
    held = [found[place] for place in places if place in found]
    return held[0] if held else find(model, name)


def get_twin_by_momentum(sparsified: Sparsified, dense: nn.Module) -> Twin:
    return twin_of(momentum, sparsified, dense)


def get_twin_by_sgd(sparsified: Sparsified, dense: nn.Module) -> Twin:
    return twin_of(plain_sgd, sparsified, dense)


def get_twin_by_nesterov(sparsified: Sparsified, dense: nn.Module) -> Twin:
    return twin_of(nesterov, sparsified, dense)


def get_twin_by_adam(sparsified: Sparsified, dense: nn.Module) -> Twin:
    return twin_of(adam, sparsified, dense)


def get_twin_by_adamw(sparsified: Sparsified, dense: nn.Module) -> Twin:
    return twin_of(adamw, sparsified, dense)


def get_twin_by_foreach(sparsified: Sparsified, dense: nn.Module) -> Twin:
    return twin_of(foreach, sparsified, dense)


def get_twin_by_fused(sparsified: Sparsified, dense: nn.Module) -> Twin:
    return twin_of(fused, sparsified, dense)


def get_twin_by_groups(sparsified: Sparsified, dense: nn.Module, plan: Plan) -> Twin:
    plain = copy.deepcopy(dense)
    held = [find_planned(sparsified.model, name) for name in plan.names]
    own = [plain.get_parameter(name) for name in plan.names]
    return in_groups(sparsified.model, held), plain, in_groups(plain, own)


def train_twin(sparsified: Sparsified, twin: Twin, batches: list[Batch]) -> None:
    sparsified.train(batches, mse_loss, twin[0])


def stays_zero(sparsified: Sparsified, twin: Twin, plan: Plan, batches: list[Batch]) -> None:
    sparsified.train(batches, mse_loss, twin[0])
    assert_zero(sparsified.model, copied(sparsified.masks()), plan)


def train_both_dense(
    sparsified: Sparsified, twin: Twin, batches: list[Batch], inputs: Tensor, bound: float
) -> None:
    step_beside(sparsified, twin, {}, batches)
    assert_same_output(sparsified.model, twin[1], inputs, bound)


def train_both(
    sparsified: Sparsified, twin: Twin, plan: Plan, batches: list[Batch], inputs: Tensor, bound: float
) -> None:
    masks = copied(sparsified.masks())
    match(twin[1], sparsified, plan)
    step_beside(sparsified, twin, masks, batches)
    assert_same_output(sparsified.model, masked(twin[1], masks), inputs, bound)


def match(plain: nn.Module, sparsified: Sparsified, plan: Plan) -> None:
    """Give a plain model the parameters that the sparse one computes with."""
    used = weights_in_use(sparsified.model, plan)
    for name, parameter in plain.named_parameters():
        parameter.data.copy_(used[name] if name in used else find(sparsified.model, name))


def step_beside(sparsified: Sparsified, twin: Twin, masks: Mapping[str, Tensor], batches: list[Batch]) -> None:
    """Train the sparse model, and its plain twin without gradients for removed entries."""
    optimizer, plain, own = twin
    for data, target in batches:
        sparsified.train([(data, target)], mse_loss, optimizer)
        own.zero_grad()
        mse_loss(masked_forward(plain, masks, data), target).backward()
        own.step()


def masked_forward(plain: nn.Module, masks: Mapping[str, Tensor], data: Tensor) -> Tensor:
    """Return the output of a plain model with masked weights."""
    weights = {name: plain.get_parameter(name) for name in masks}
    used = {name: torch.where(masks[name], weight, 0) for name, weight in weights.items()}
    output: Tensor = torch.func.functional_call(plain, used, (data,))
    return output


# ----------------------------------------------------------------- other checks


def clipped_alike(sparsified: Sparsified, twin: Twin, plan: Plan, batches: list[Batch], bound: float) -> None:
    optimizer, plain, own = twin
    masks = copied(sparsified.masks())
    match(plain, sparsified, plan)
    optimizer.zero_grad()
    own.zero_grad()
    mse_loss(sparsified.model(batches[0][0]), batches[0][1]).backward()
    mse_loss(masked_forward(plain, masks, batches[0][0]), batches[0][1]).backward()
    seen = float(nn.utils.clip_grad_norm_(sparsified.model.parameters(), 0.01))
    expected = float(nn.utils.clip_grad_norm_(plain.parameters(), 0.01))
    assert abs(seen - expected) <= bound * (1 + expected), f"norm of all gradients: expected {expected}, seen {seen}"


def resumed_alike(
    sparsified: Sparsified, twin: Twin, restore: Callable[[Saved], Sparsified], plan: Plan, batches: list[Batch]
) -> None:
    optimizer = twin[0]
    sparsified.train(batches, mse_loss, optimizer)
    restored = restore(sparsified.save())
    kind: Any = type(optimizer)
    own = kind(restored.model.parameters(), lr=optimizer.param_groups[0]["lr"])
    own.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for parameter in own.param_groups[0]["params"]:
        for key, value in own.state[parameter].items():
            fits = not isinstance(value, Tensor) or value.dim() == 0 or value.shape == parameter.shape
            assert fits, f"{key} of a parameter of shape {tuple(parameter.shape)} has shape {tuple(value.shape)}"
    sparsified.train(batches, mse_loss, optimizer)
    restored.train(batches, mse_loss, own)
    seen = weights_in_use(restored.model, plan)
    for name, weight in weights_in_use(sparsified.model, plan).items():
        assert torch.equal(seen[name], weight), f"{name}, restored and trained on: expected {weight}, seen {seen[name]}"


def get_listed(model: nn.Module) -> dict[int, str]:
    return {id(parameter): name for name, parameter in model.named_parameters()}


def order_as_before(sparsified: Sparsified, listed: Mapping[int, str]) -> None:
    seen, expected = [listed[id(one)] for one in sparsified.model.parameters()], [*listed.values()]
    assert seen == expected, f"order of the parameters: expected {expected}, seen {seen}"


def order_changed(sparsified: Sparsified, listed: Mapping[int, str]) -> None:
    seen = [listed[id(one)] for one in sparsified.model.parameters()]
    assert seen != [*listed.values()], f"order of the parameters: expected another one, as declared, seen {seen}"


def step_hooks_run(sparsified: Sparsified, twin: Twin, batches: list[Batch]) -> None:
    ran: list[str] = []
    twin[0].register_step_pre_hook(lambda *_: ran.append("pre"))
    twin[0].register_step_post_hook(lambda *_: ran.append("post"))
    sparsified.train(batches[:1], mse_loss, twin[0])
    assert ran == ["pre", "post"], f"step hooks that ran: expected pre and post, seen {ran}"


def backward_after_update(sparsified: Sparsified, twin: Twin, plan: Plan, batches: list[Batch], bound: float) -> None:
    plain, masks = twin[1], copied(sparsified.masks())
    match(plain, sparsified, plan)
    mse_loss(masked_forward(plain, masks, batches[0][0]), batches[0][1]).backward()
    output = mse_loss(sparsified.model(batches[0][0]), batches[0][1])
    sparsified.update(0.75)
    try:
        output.backward()
    except RuntimeError as error:
        assert "modified by an inplace operation" in str(error), f"error of backward after an update: {error}"
        return
    for name, mask in masks.items():
        expected, seen = plain.get_parameter(name).grad, find_planned(sparsified.model, name).grad
        assert expected is not None, name
        assert seen is not None, f"gradient of {name}: expected one, seen none"
        wrong = int(((seen - expected).abs() > bound)[mask].sum())
        assert not wrong, f"gradient of {name}: {wrong} of {int(mask.sum())} kept entries are not those of the forward"
