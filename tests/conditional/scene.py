"""Scenes: what a user does with one sparsifier, and everything that can be seen after each step.

A scene judges nothing. Two sparsifiers differ in a scene if anything that is seen differs, which shows that a
deliberately broken one is broken under its condition, and that it is right elsewhere.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from sparsecheck import Adapter, Context, Pattern, Plan, Saved, Sparsified, Unstructured
from sparsecheck.values.plan import Scope

from .networks import KINDS, UNPLANNED, Net, fill, inputs_of, lay_out

Step = str | tuple[str, Any]
Seen = tuple[str, object]


@dataclass(frozen=True)
class Scene:
    """A model, a plan, and steps.

    Attributes:
        layer: The kind of every layer.
        patterns: The pattern of each planned parameter, repeated as often as needed.
        planned: The number of planned layers.
        attributes: The planned parameters of each layer; the kind's own by default.
        scope: The scope of the plan.
        values: The kind of values.
        dtype: The dtype of the model.
        memory: The memory format of the parameters.
        modes: The modes of the model and of the caller, by name: see `_MODES` and `_CALLERS`.
        steps: The steps after attach, by name: see `_STEPS`.
    """

    layer: str = "linear"
    patterns: tuple[Pattern, ...] = (Unstructured(0.5),)
    planned: int = 2
    attributes: tuple[str, ...] = ()
    scope: Scope = "each"
    values: str = "random"
    dtype: torch.dtype = torch.float32
    memory: str = "contiguous"
    modes: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ("update", "forward")


@dataclass
class Stage:
    """One run of a scene, as far as it has come."""

    scene: Scene
    adapter: Adapter
    model: nn.Module
    plan: Plan
    context: Context
    sparsified: Sparsified | None = None
    output: Tensor | None = None
    optimizer: torch.optim.Optimizer | None = None
    said: list[str] = field(default_factory=list)
    written: int = 0

    @property
    def at_work(self) -> Sparsified:
        assert self.sparsified is not None
        return self.sparsified

    def inputs(self) -> Tensor:
        return inputs_of(self.scene.layer, self.scene.dtype, self.written)


def watch(adapter: Adapter, scene: Scene) -> Generator[Seen, None, None]:
    """Run a scene, and yield what is seen after each step; it ends with the first exception."""
    with _caller(scene):
        stage = _stage(adapter, scene)
        for step in ("attach", *scene.steps):
            name, argument = (step, None) if isinstance(step, str) else step
            try:
                _STEPS[name](stage, argument)
            except Exception as error:
                yield f"{name} raised", type(error).__name__
                return
            yield name, _visible(stage)


def look(adapter: Adapter, scene: Scene) -> list[Seen]:
    """Run a scene, and return what is seen after each step."""
    return list(watch(adapter, scene))


def first_difference(adapter: Adapter, scene: Scene, expected: Sequence[Seen]) -> str:
    """Return the first step after which something else is seen than expected, and what; empty if there is none."""
    with closing(watch(adapter, scene)) as seen:
        for (step, one), (its, two) in zip(seen, expected, strict=False):
            if step != its:
                return f"{step}, not {its}"
            if isinstance(one, dict) and isinstance(two, dict) and one != two:
                return f"{step}: {', '.join(key for key in two if one[key] != two[key])}"
    return ""


def _stage(adapter: Adapter, scene: Scene) -> Stage:
    model = model_of(scene)
    names = model.names(scene.attributes)
    plan = Plan({name: scene.patterns[place % len(scene.patterns)] for place, name in enumerate(names)}, scene.scope)
    example = inputs_of(scene.layer, scene.dtype)
    stage = Stage(scene, adapter, model, plan, Context(example, (), torch.device("cpu"), scene.dtype))
    for mode in scene.modes:
        if mode in _MODES:
            _MODES[mode](stage)
    return stage


def model_of(scene: Scene, salt: int = 0) -> Net:
    """Return the dense model of a scene, without a change to the global random state."""
    with torch.random.fork_rng(devices=[]):
        model = Net(KINDS[scene.layer], scene.planned).to(scene.dtype)
    fill(model, scene.values, salt)
    lay_out(model, scene.memory)
    return model


# ----------------------------------------------------------------- modes


def _evaluate_one(stage: Stage) -> None:
    stage.model.get_submodule("layer1").eval()


def _freeze_one(stage: Stage) -> None:
    stage.model.get_submodule("layer1").requires_grad_(False)


def _give_gradients(stage: Stage) -> None:
    for parameter in stage.model.parameters():
        parameter.grad = torch.ones_like(parameter)


def _hook(stage: Stage) -> None:
    layer, said = stage.model.get_submodule("layer1"), stage.said
    layer.register_forward_pre_hook(lambda *args: said.append("forward pre-hook"))
    layer.register_forward_hook(lambda *args: said.append("forward hook"))
    layer.register_full_backward_hook(lambda *args: said.append("backward hook"))
    layer.register_state_dict_pre_hook(lambda *args: said.append("state dict pre-hook"))
    layer.register_load_state_dict_post_hook(lambda *args: said.append("load state dict hook"))


class Doubled(nn.Module):
    """A user's own parametrization."""

    def forward(self, weight: Tensor) -> Tensor:
        return 2 * weight


def _parametrize(stage: Stage) -> None:
    layer = stage.model.get_submodule(UNPLANNED)
    parametrize.register_parametrization(layer, KINDS[stage.scene.layer].attribute, Doubled())


def _buffer(stage: Stage) -> None:
    stage.model.get_submodule(UNPLANNED).register_buffer("mask", torch.ones(2))


_MODES: dict[str, Callable[[Stage], object]] = {
    "eval": lambda stage: stage.model.eval(),
    "partly eval": _evaluate_one,
    "frozen": lambda stage: stage.model.requires_grad_(False),
    "partly frozen": _freeze_one,
    "gradients exist": _give_gradients,
    "user's hooks": _hook,
    "user's parametrization": _parametrize,
    "user's buffer": _buffer,
}


@contextmanager
def _caller(scene: Scene) -> Iterator[None]:
    """Seed torch, enter the caller's modes, and restore every setting that a scene or a sparsifier may change."""
    default, grad = torch.get_default_dtype(), torch.is_grad_enabled()
    try:
        with ExitStack() as stack, torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            for mode in scene.modes:
                if mode in _CALLERS:
                    stack.enter_context(_CALLERS[mode]())
            yield
    finally:
        torch.set_default_dtype(default)
        torch.set_grad_enabled(grad)


@contextmanager
def _default(dtype: torch.dtype) -> Iterator[None]:
    torch.set_default_dtype(dtype)
    yield


_CALLERS: dict[str, Callable[[], Any]] = {
    "no_grad": torch.no_grad,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "default float64": lambda: _default(torch.float64),
    "default bfloat16": lambda: _default(torch.bfloat16),
}

# ----------------------------------------------------------------- steps


def _attach(stage: Stage, _: Any) -> None:
    stage.sparsified = stage.adapter.attach(stage.model, stage.plan, stage.context)
    stage.model = stage.sparsified.model


def _write(stage: Stage, how: Any) -> None:
    stage.written += 1
    ways: dict[str | None, Any] = {None: None, ".data": lambda parameter, new: parameter.data.copy_(new)}
    fill(stage.model, stage.scene.values, stage.written, ways[how])


def _load(stage: Stage, assign: Any) -> None:
    stage.written += 1
    saved = {name: tensor.clone() for name, tensor in stage.model.state_dict().items()}
    for name, tensor in saved.items():
        if tensor.is_floating_point():
            saved[name] = tensor.roll(stage.written, -1) if tensor.dim() else tensor
    stage.model.load_state_dict(saved, assign=bool(assign))


def _forward(stage: Stage, how: Any) -> None:
    with torch.inference_mode(how == "inference_mode"):
        output = stage.model(stage.inputs())
        stage.output = output if how != "again" else stage.output + output


def _functional(stage: Stage, _: Any) -> None:
    mine = {name: parameter.detach() + 1 for name, parameter in stage.model.named_parameters()}
    stage.output = torch.func.functional_call(stage.model, mine, (stage.inputs(),))


def _submodule(stage: Stage, _: Any) -> None:
    kind = KINDS[stage.scene.layer]
    stage.output = kind.call(stage.model.get_submodule("layer1"), stage.inputs())


def _backward(stage: Stage, _: Any) -> None:
    assert stage.output is not None
    (stage.output.float() + 1).square().sum().backward(retain_graph=True)


def _train(stage: Stage, to_none: Any) -> None:
    stage.optimizer = stage.optimizer or torch.optim.SGD(stage.model.parameters(), lr=0.01, momentum=0.9)
    for _ in range(2):
        stage.optimizer.zero_grad(set_to_none=to_none is not False)
        stage.output = stage.model(stage.inputs())
        (stage.output.float() + 1).square().mean().backward()
        stage.optimizer.step()


def _copy(stage: Stage, level: Any) -> None:
    """Update a deep copy of the sparsifier, which must not change the original."""
    copy.deepcopy(stage.at_work).update(0.9 if level is None else level)


def _go_on_with_a_copy(stage: Stage, _: Any) -> None:
    stage.sparsified = copy.deepcopy(stage.at_work)
    stage.model = stage.sparsified.model


def _restore(stage: Stage, level: Any) -> None:
    saved = copy.deepcopy(stage.at_work.save())
    plan = stage.plan if level is None else stage.plan.at_level(level)
    stage.sparsified = stage.adapter.restore(model_of(stage.scene, 5), plan, saved, stage.context)
    stage.model, stage.optimizer = stage.sparsified.model, None


def _reload(stage: Stage, _: Any) -> None:
    saved = copy.deepcopy(stage.at_work.save())
    stage.at_work.update(0.25)
    stage.at_work.load(Saved(saved.model, saved.sidecar))


def _finalize(stage: Stage, _: Any) -> None:
    stage.model = stage.at_work.finalize()
    stage.sparsified = None


_STEPS: dict[str, Callable[[Stage, Any], object]] = {
    "attach": _attach,
    "update": lambda stage, level: stage.at_work.update(level),
    "write": _write,
    "load": _load,
    "forward": _forward,
    "functional_call": _functional,
    "submodule": _submodule,
    "backward": _backward,
    "train": _train,
    "eval": lambda stage, _: stage.model.eval(),
    "freeze": lambda stage, _: stage.model.requires_grad_(False),
    "unfreeze": lambda stage, _: stage.model.requires_grad_(True),
    "cast": lambda stage, dtype: stage.model.to(dtype),
    "update a copy": _copy,
    "deepcopy": _go_on_with_a_copy,
    "restore": _restore,
    "reload": _reload,
    "finalize": _finalize,
}

# ----------------------------------------------------------------- what is seen


def _visible(stage: Stage) -> dict[str, object]:
    model, said = stage.model, tuple(stage.said)
    stage.said.clear()
    return {
        "masks": {} if stage.sparsified is None else _frozen_all(stage.sparsified.masks()),
        "output": stage.output if stage.output is None else frozen(stage.output),
        "weights": {name: _in_use(model, name) for name in stage.plan.names},
        "state": {name: frozen(tensor) for name, tensor in model.state_dict().items()},
        "gradients": {name: None if one.grad is None else frozen(one.grad) for name, one in model.named_parameters()},
        "flags": {name: one.requires_grad for name, one in model.named_parameters()},
        "buffers": sorted(name for name, _ in model.named_buffers()),
        "modes": {name: module.training for name, module in model.named_modules()},
        "hooks": {name: _hooks(module) for name, module in model.named_modules()},
        "said": said,
        "process": (str(torch.get_default_dtype()), torch.is_grad_enabled(), frozen(torch.get_rng_state())),
    }


def _in_use(model: nn.Module, name: str) -> object:
    path, _, attribute = name.rpartition(".")
    with torch.no_grad():
        tensor = getattr(model.get_submodule(path), attribute)
    return frozen(tensor) if isinstance(tensor, Tensor) else None


def _hooks(module: nn.Module) -> tuple[int, ...]:
    return tuple(len(hooks) for name, hooks in sorted(vars(module).items()) if name.endswith("_hooks") and hooks)


def _frozen_all(tensors: dict[str, Tensor]) -> dict[str, object]:
    return {name: frozen(tensor) for name, tensor in tensors.items()}


def frozen(tensor: Tensor) -> tuple[str, tuple[int, ...], bytes]:
    """Return a tensor as a value that compares bit for bit."""
    plain = tensor.detach().contiguous().reshape(-1)
    return str(tensor.dtype), tuple(tensor.shape), plain.view(torch.uint8).numpy().tobytes()
