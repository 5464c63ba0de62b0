"""The steps that a user takes with the model alone: write, run, train, cast, hook."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import parametrize

from ..values.steps import (
    AddHook,
    Backward,
    CallLayer,
    Cast,
    ChangeMemory,
    Forward,
    Freeze,
    FunctionalCall,
    Parametrize,
    SetMode,
    Train,
    WriteWeights,
)
from . import statements
from .hooks import add_hook
from .places import find_module
from .taking import Identity, Skipped, assert_learns, take, under
from .twin import OPTIMIZERS, loss

if TYPE_CHECKING:
    from .running import Run


@take.register(WriteWeights)
def _write_weights(step: WriteWeights, walk: Run) -> None:
    for name, place in walk.known_places(walk.known_names()).items():
        values = walk.new_values(name)
        walk.call(partial(statements.write, walk.model, place, values, step.how), statements.describe(step))
        walk.twin.write(name, values)
    if step.how == "assign":
        if walk.sparsified is None:
            walk.before = dict(walk.model.named_parameters(remove_duplicate=False))
        walk.forget_optimizer()


@take.register(Forward)
def _forward(step: Forward, walk: Run) -> None:
    inputs = walk.inputs("forward", step.batch)
    with under(step.under):
        buffers = [(buffer, buffer.clone()) for buffer in walk.twin.model.buffers()]
        try:
            expected = walk.twin.model(inputs.clone())
        except Exception as error:
            for buffer, earlier in buffers:  # a norm counts a batch before it rejects it
                buffer.copy_(earlier)
            raise Skipped(f"the dense model raises {type(error).__name__}: {error}") from None
        seen = walk.call(lambda: walk.model(inputs.clone()), "forward")
    statements.assert_output(walk, seen, expected, f"output for a batch of {step.batch}")


@take.register(Backward)
def _backward(step: Backward, walk: Run) -> None:
    assert_learns(walk)
    for model in (walk.model, walk.twin.model):
        if step.zero != "keep" or not walk.keeps_gradients:
            model.zero_grad(set_to_none=step.zero != "zeros")
    batches = walk.batches(step.forwards, "backward")
    walk.twin.backward(batches)
    walk.call(lambda: loss(walk.model, batches).backward(), "backward")
    statements.assert_gradients(walk)
    walk.keeps_gradients = True


@take.register(Train)
def _train(step: Train, walk: Run) -> None:
    sparsified = walk.attached
    if walk.contract.trained == "reparametrized":
        raise Skipped("what a step makes of a reparametrized weight is not compared")
    assert_learns(walk)
    if walk.program.optimizer != "sgd" and walk.twin.has_stale_state():
        raise Skipped("the moments have the dtype of before a cast, with which torch's Adam takes no step")
    if walk.optimizer is None:
        walk.optimizer = OPTIMIZERS[walk.program.optimizer](walk.model.parameters())
    batches = walk.batches(step.steps, "train")
    walk.twin.train(batches, walk.program.optimizer)
    optimizer = walk.optimizer
    walk.call(lambda: sparsified.train(batches, functional.mse_loss, optimizer), "training")
    walk.exact = False
    walk.keeps_gradients = False


@take.register(SetMode)
def _set_mode(step: SetMode, walk: Run) -> None:
    walk.model.train(step.train)
    walk.twin.model.train(step.train)


@take.register(Freeze)
def _freeze(step: Freeze, walk: Run) -> None:
    names = walk.known_names()[: 1 if step.what == "first" else None]
    for name, place in walk.known_places(names).items():
        place.requires_grad_(not step.frozen)
        walk.twin.model.get_parameter(name).requires_grad_(not step.frozen)


@take.register(Cast)
def _cast(step: Cast, walk: Run) -> None:
    if not walk.supports(step.dtype):
        raise Skipped(f"{step.dtype} is not supported")
    walk.dtype = getattr(torch, step.dtype)
    walk.call(lambda: walk.model.to(walk.dtype), f"the cast to {step.dtype}")
    walk.twin.to(walk.dtype)
    if walk.sparsified is None:
        walk.before = dict(walk.model.named_parameters(remove_duplicate=False))


@take.register(ChangeMemory)
def _change_memory(step: ChangeMemory, walk: Run) -> None:
    kind = torch.channels_last if step.format == "channels_last" else torch.contiguous_format
    to, same = (_to(one) for one in (walk.model, walk.twin.model))
    if step.format == "channels_last" and any(one.dim() == 5 for one in walk.twin.model.parameters()):
        raise Skipped("torch cannot convert a weight of five dimensions to channels_last")
    walk.call(lambda: to(memory_format=kind), f"the change of memory to {step.format}")
    same(memory_format=kind)


def _to(model: nn.Module) -> Callable[..., nn.Module]:
    return model.to


@take.register(AddHook)
def _add_user_hook(step: AddHook, walk: Run) -> None:
    if step.on == "model":
        add_hook(walk.model, step, "", walk.calls)
        walk.twin_hooks.append(add_hook(walk.twin.model, step, "", walk.twin_calls))
        return
    for layer, module, twin in walk.layers():
        add_hook(module, step, layer.name, walk.calls)
        walk.twin_hooks.append(add_hook(twin, step, layer.name, walk.twin_calls))


@take.register(Parametrize)
def _parametrize_layers(step: Parametrize, walk: Run) -> None:
    planned = {name.rpartition(".")[0] for name in walk.plan.names}
    for layer in walk.program.layers:
        module = find_module(walk.model, layer.name)
        if layer.name not in planned and layer.kind == "linear" and module is not None:
            for one in (module, walk.twin.model.get_submodule(layer.name)):
                parametrize.register_parametrization(one, "weight", Identity())


@take.register(CallLayer)
def _call_layers(step: CallLayer, walk: Run) -> None:
    if walk.contract.holds in ("forward", "wrapper"):
        raise Skipped("a layer called alone is dense, as declared")
    for layer, module, twin in walk.layers():
        inputs = walk.layer_inputs(layer.name)
        seen = walk.call(partial(_called, module, inputs), f"{layer.name} called by itself")
        statements.assert_output(walk, seen, _called(twin, inputs), f"output of {layer.name} called by itself")


def _called(module: nn.Module, inputs: Tensor) -> Tensor:
    """Return the output of a module, without the last state of a recurrent one."""
    output: Tensor | tuple[Tensor, ...] = module(inputs)
    return output[0] if isinstance(output, tuple) else output


@take.register(FunctionalCall)
def _call_functionally(step: FunctionalCall, walk: Run) -> None:
    tensors: dict[str, Tensor] = dict(walk.model.named_parameters())
    seen = walk.call(
        lambda: torch.func.functional_call(walk.model, tensors, (walk.inputs(),)), "functional_call"
    )
    statements.assert_output(walk, seen, walk.twin.model(walk.inputs()), "output of functional_call")
