"""Checks of a script: what a sparsifier does to modules, parameters, gradients, hooks and flags, and what it refuses.

Each is copied into scripts. Its parameters are the names of a script's variables; see `lives`.
"""

from __future__ import annotations

import copy
import gc
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..adapter.protocol import Batch, Sparsified
from ..values.pattern import Given
from ..values.plan import Plan
from .check_tools import (
    assert_equal,
    assert_masks,
    assert_refused,
    assert_same_output,
    assert_separate,
    find,
    layers_of,
    masked,
    modules_of,
    tensors,
    train,
)

Attach = Callable[..., Sparsified]


def runs(model: nn.Module, dense: nn.Module, inputs: Tensor) -> None:
    seen, expected = getattr(model(inputs), "shape", "none"), dense(inputs).shape
    assert seen == expected, f"shape of the output: expected {expected}, seen {seen}"


def dense_kept(trained: Mapping[str, Tensor], dense: nn.Module) -> None:
    assert_equal(trained, {name: dense.get_parameter(name).detach() for name in trained}, "dense weights")


def freeze_every_other(model: nn.Module) -> None:
    for number, parameter in enumerate(model.parameters()):
        parameter.requires_grad_(number % 2 == 1)


def frozen_kept(model: nn.Module, dense: nn.Module, trained: Mapping[str, nn.Parameter]) -> None:
    for name, expected in dense.named_parameters():
        seen = trained[name] if name in trained else find(model, name)
        assert seen.requires_grad == expected.requires_grad, f"{name}: expected requires_grad={expected.requires_grad}"
    seen_count, count = (sum(one.requires_grad for one in each.parameters()) for each in (model, dense))
    assert seen_count == count, f"trainable parameters: expected {count}, seen {seen_count}"


def get_held(model: nn.Module) -> dict[str, nn.Parameter]:
    return dict(model.named_parameters())


def same_objects(model: nn.Module, held: Mapping[str, nn.Parameter]) -> None:
    now = {id(parameter) for parameter in model.parameters()}
    lost = [name for name, parameter in held.items() if id(parameter) not in now]
    assert not lost, f"parameters that an optimizer holds in vain: expected none, seen {', '.join(lost)}"


def order_kept(model: nn.Module, held: Mapping[str, nn.Parameter], plan: Plan) -> None:
    names = {id(parameter): name for name, parameter in held.items() if name not in plan.names}
    seen, expected = [names[id(one)] for one in model.parameters() if id(one) in names], list(names.values())
    assert seen == expected, f"order: expected {expected}, seen {seen}"


def parameters_counted(model: nn.Module, dense: nn.Module) -> None:
    seen, expected = [name for name, _ in model.named_parameters()], len(list(dense.parameters()))
    assert len(seen) == expected, f"parameters: expected {expected}, seen {seen}"


def masks_are_buffers(model: nn.Module, plan: Plan) -> None:
    for name in plan.names:
        path, _, attribute = name.rpartition(".")
        for one in model.get_submodule(f"{path}.parametrizations.{attribute}").children():
            loose = [key for key, value in vars(one).items() if isinstance(value, Tensor)]
            assert not loose, f"{name}: tensors that are no buffers: expected none, seen {loose}"


def get_ran(model: nn.Module, plan: Plan) -> list[str]:
    ran, layer = list[str](), model.get_submodule(layers_of(plan)[0])
    layer.register_forward_pre_hook(lambda *_: ran.append("pre-hook"))
    layer.register_forward_hook(lambda *_: ran.append("first hook"))
    layer.register_forward_hook(lambda *_: ran.append("second hook"))
    return ran


def forward_hooks_run(model: nn.Module, ran: list[str], inputs: Tensor) -> None:
    ran.clear()
    model(inputs)
    expected = ["pre-hook", "first hook", "second hook"]
    assert ran == expected, f"hooks that ran: expected {expected}, seen {ran}"


def get_backward_ran(model: nn.Module, plan: Plan) -> list[str]:
    ran = list[str]()
    model.get_submodule(layers_of(plan)[0]).register_full_backward_hook(lambda *_: ran.append("layer"))
    model.get_parameter(plan.names[0]).register_hook(lambda _: ran.append("weight"))
    return ran


def backward_hooks_run(model: nn.Module, backward_ran: list[str], inputs: Tensor) -> None:
    backward_ran.clear()
    model(inputs).sum().backward()
    assert sorted(backward_ran) == ["layer", "weight"], f"hooks: expected layer and weight, seen {backward_ran}"


def get_every_ran(model: nn.Module, plan: Plan) -> list[str]:
    ran, layer = list[str](), model.get_submodule(layers_of(plan)[0])
    layer.register_forward_pre_hook(lambda *_: ran.append("forward pre"))
    layer.register_forward_hook(lambda *_: ran.append("forward"))
    layer.register_full_backward_pre_hook(lambda *_: ran.append("backward pre"))
    layer.register_full_backward_hook(lambda *_: ran.append("backward"))
    layer._register_state_dict_hook(lambda *_: ran.append("state dict"))
    layer.register_state_dict_pre_hook(lambda *_: ran.append("state dict pre"))
    layer._register_load_state_dict_pre_hook(lambda *_: ran.append("load pre"))
    layer.register_load_state_dict_post_hook(lambda *_: ran.append("load post"))
    model.get_parameter(plan.names[0]).register_hook(lambda _: ran.append("weight"))
    model.get_parameter(plan.names[0]).register_post_accumulate_grad_hook(lambda _: ran.append("accumulated"))
    return ran


def every_hook_runs(model: nn.Module, every_ran: list[str], inputs: Tensor) -> None:
    every_ran.clear()
    model.zero_grad()
    model(inputs).sum().backward()
    model.load_state_dict(model.state_dict(), strict=False)
    kinds = ("forward pre", "forward", "backward pre", "backward", "state dict", "state dict pre", "load pre",
             "load post", "weight", "accumulated")
    seen = {kind: every_ran.count(kind) for kind in kinds if every_ran.count(kind) != 1}
    assert not seen, f"hooks: expected one call of each, seen {seen}"


def unusual_modes(model: nn.Module) -> None:
    for number, module in enumerate(model.modules()):
        module.training = number % 3 == 0


def modes_kept(model: nn.Module, dense: nn.Module) -> None:
    expected = {name: module.training for name, module in dense.named_modules()}
    seen = {name: module.training for name, module in model.named_modules() if name in expected}
    wrong = [name or "the model" for name, one in seen.items() if one != expected[name]]
    assert not wrong, f"changed training flags: expected none, seen {wrong}"


def attached_twice(attach: Attach, sparsified: Sparsified, plan: Plan, inputs: Tensor, bound: float) -> None:
    twice = first = attach()
    try:
        twice = attach(first.model)
    except Exception as error:
        named = any(word in str(error) for word in (*plan.names, "already", "twice"))
        assert named, f"attaching twice: expected an error that names one of {', '.join(plan.names)}, seen {error}"
    twice.update()
    assert_masks(twice, sparsified.masks())
    assert_same_output(twice.model, sparsified.model, inputs, bound)
    seen, expected = modules_of(twice.model), modules_of(sparsified.model)
    assert seen == expected, f"modules, attached to twice: expected {expected}, seen {seen}"


def unknown_refused(attach: Attach, model: nn.Module, plan: Plan) -> None:
    for unknown in ("nowhere.weight", f"{layers_of(plan)[0]}.nothing"):
        wrong = type(plan)({**plan.patterns, unknown: plan.patterns[plan.names[0]]}, plan.scope)
        word = "nowhere" if "nowhere" in unknown else "nothing"
        plan_refused(attach, model, wrong, (word,))


def wrong_shape_refused(attach: Attach, model: nn.Module, plan: Plan) -> None:
    name = plan.names[-1]
    mask: Any = vars(plan.patterns[name])["mask"]
    for wrong in (mask[:1], mask[:, :1], mask[:-1], mask.T):
        other = type(plan)({**plan.patterns, name: Given(wrong)}, plan.scope)
        plan_refused(attach, model, other, (name,))


def plan_refused(attach: Attach, model: nn.Module, plan: Plan, words: tuple[str, ...]) -> None:
    assert_refused(lambda: attach(model, plan).update(), model, words)


def reupdate_refused(sparsified: Sparsified, words: tuple[str, ...]) -> None:
    assert_refused(sparsified.update, sparsified.model, words)


def relevel_refused(sparsified: Sparsified, words: tuple[str, ...]) -> None:
    assert_refused(lambda: sparsified.update(0.75), sparsified.model, words)


def finalize_refused(sparsified: Sparsified, words: tuple[str, ...]) -> None:
    assert_refused(sparsified.finalize, sparsified.model, words)


def channels_last(model: nn.Module) -> None:
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # which torch does not declare


def format_kept(trained: Mapping[str, Tensor], sparsified: Sparsified) -> None:
    for name, weight in trained.items():
        is_kept = weight.is_contiguous(memory_format=torch.channels_last)
        assert is_kept, f"{name}: expected channels_last, seen strides {weight.stride()}"
    final = sparsified.finalize()
    for name in trained:
        weight = final.get_parameter(name)
        is_kept = weight.is_contiguous(memory_format=torch.channels_last)
        assert is_kept, f"{name} after finalize: expected channels_last, seen strides {weight.stride()}"


def no_gradients_left(model: nn.Module) -> None:
    left = [name for name, one in model.named_parameters() if one.grad is not None and bool(one.grad.any())]
    assert not left, f"gradients after update: expected none, seen {', '.join(left)}"


def get_gradients(model: nn.Module, inputs: Tensor) -> dict[str, Tensor]:
    model(inputs).square().sum().backward()
    return {name: one.grad.clone() for name, one in model.named_parameters() if one.grad is not None}


def gradients_kept(model: nn.Module, gradients: Mapping[str, Tensor], trained: Mapping[str, nn.Parameter]) -> None:
    for name, expected in gradients.items():
        seen = (trained[name] if name in trained else find(model, name)).grad
        assert seen is not None, f"gradient of {name}: expected that from before attach, seen none"
        assert_equal({name: seen}, {name: expected}, "gradients from before attach")


def freed(sparsify: Callable[[], Sparsified], inputs: Tensor) -> None:
    sparsified = sparsify()
    sparsified.model(inputs)
    modules = {name or "the model": weakref.ref(module) for name, module in sparsified.model.named_modules()}
    del sparsified
    gc.collect()
    alive = [name for name, module in modules.items() if module() is not None]
    assert not alive, f"modules still alive: expected none, seen {', '.join(alive)}"


def buffers_kept(model: nn.Module, dense: nn.Module) -> None:
    now = {name: one for name, one in model.named_buffers()}
    for name, expected in dense.named_buffers():
        seen = next((one for path, one in now.items() if path == name or path.endswith(f".{name}")), None)
        assert seen is not None, f"buffer {name}: expected {expected}, seen none"
        assert_equal({name: seen}, {name: expected}, "buffers")


def arguments_kept(plan: Plan, plan_before: str, batches: list[Batch], sparsified: Sparsified, inputs: Tensor) -> None:
    before, earlier = copy.deepcopy(batches), inputs.clone()
    sparsified.model(inputs)
    train(sparsified, batches)
    assert torch.equal(inputs, earlier), "the input of a forward: expected it unchanged"
    for one, other in zip(batches, before, strict=True):
        assert all(torch.equal(*pair) for pair in zip(one, other, strict=True)), "batches: expected them unchanged"
    assert describe(plan) == plan_before, f"plan: expected {plan_before}, seen {describe(plan)}"


def get_plan_before(plan: Plan) -> str:
    return describe(plan)


def describe(plan: Plan) -> str:
    return str({name: {key: str(value) for key, value in vars(one).items()} for name, one in plan.patterns.items()})


def names_kept(dense: nn.Module, model: nn.Module, plan: Plan) -> None:
    planned = layers_of(plan)
    names = [name for name, _ in dense.named_modules() if name not in planned and "." not in name]
    missing = [name for name in names if name not in dict(model.named_modules())]
    assert not missing, f"modules that lost their names: expected none, seen {missing}"


def original_kept(sparsified: Sparsified, plain: nn.Module, dense: nn.Module, batches: list[Batch]) -> None:
    train(sparsified, batches)
    assert_equal(plain.state_dict(), dense.state_dict(), "the model that was attached to")
    assert_separate(tensors(dict(sparsified.model.named_parameters())), tensors(dict(plain.named_parameters())))


def works_in_place(sparsified: Sparsified, plain: nn.Module) -> None:
    own = {id(parameter) for parameter in sparsified.model.parameters()}
    shares = any(id(parameter) in own for parameter in plain.parameters())
    assert shares, "parameters of the model that attach returns: expected some of the given model's, seen none"


def get_plain(model: nn.Module) -> nn.Module:
    return model


def trained_is_used(
    trained: Mapping[str, Tensor], dense: nn.Module, sparsified: Sparsified, inputs: Tensor, bound: float
) -> None:
    for name, weight in trained.items():
        factor = torch.arange(weight.numel()).remainder(2).add(1).view_as(weight).to(weight)
        weight.detach().mul_(factor)
        dense.get_parameter(name).detach().mul_(factor)
    assert_same_output(sparsified.model, masked(dense, sparsified.masks()), inputs, bound)


def trained_is_not_used(
    trained: Mapping[str, Tensor], dense: nn.Module, sparsified: Sparsified, inputs: Tensor
) -> None:
    for name, weight in trained.items():
        factor = torch.arange(weight.numel()).remainder(2).add(1).view_as(weight).to(weight)
        weight.detach().mul_(factor)
        dense.get_parameter(name).data.copy_(weight.detach())
    same = torch.allclose(sparsified.model(inputs), masked(dense, sparsified.masks())(inputs))
    assert not same, "the weight in use: expected one computed from the trained parameter, seen that parameter"
