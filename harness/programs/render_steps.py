"""Render the steps of a program as lines of Python."""

from __future__ import annotations

from collections.abc import Iterator
from functools import singledispatchmethod
from typing import Any

import numpy as np

from ..values.contract import Holds
from ..values.program import OptimizerKind, Program, ProgramLayer
from ..values.program_json import AnyProgram
from ..values.steps import (
    AddHook,
    Attach,
    Backward,
    CallLayer,
    Cast,
    ChangeMemory,
    CopyModel,
    Finalize,
    Forward,
    Freeze,
    FunctionalCall,
    Parametrize,
    SaveAndRestore,
    SetMode,
    Train,
    Under,
    Update,
    WriteWeights,
)
from ..values.structural_program import GraphLayer
from .build import input_shape, taken_shape

_OPTIMIZERS: dict[OptimizerKind, str] = {
    "sgd": "torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)",
    "adam": "torch.optim.Adam(model.parameters(), lr=1e-2, eps=1e-3)",
    "adamw": "torch.optim.AdamW(model.parameters(), lr=1e-2, eps=1e-3, weight_decay=0.1)",
}
_UNDER: dict[Under, str] = {
    "": "", "no_grad": "torch.no_grad()", "inference_mode": "torch.inference_mode()",
    "autocast": 'torch.autocast("cpu", torch.bfloat16)',
}
_HOOKS = {
    "forward_pre": "register_forward_pre_hook", "forward": "register_forward_hook",
    "full_backward": "register_full_backward_hook", "state_dict": "register_state_dict_pre_hook",
}


class Sketch:
    """Renders numbers as any random ones, for a reader.

    Attributes:
        is_exact: Whether the numbers are those of the program itself.
    """

    is_exact = False

    def new(self, name: str, shape: tuple[int, ...], updates: int, dtype: str) -> str:
        """Return the expression for new values of a parameter."""
        return f"torch.randn({_arguments(shape)}{_dtype_argument(dtype)})"

    def forward(self, batch: int) -> str:
        """Return the expression for inputs of a batch."""
        return {3: "inputs", 0: "inputs[:0]"}.get(batch, f"inputs[:{batch}]")

    def batches(self, count: int, salt: str) -> str:
        """Return the expression for batches."""
        return f"batches[:{count}]"

    def layer_inputs(self, shape: tuple[int, ...], below: int, dtype: str) -> str:
        """Return the expression for inputs of a layer: floats, or integers if `below` is not 0."""
        if below:
            return f"torch.randint({below}, ({_arguments(shape)}))"
        return f"torch.rand({_arguments(shape)}{_dtype_argument(dtype)})"


class Exact(Sketch):
    """Renders numbers by the functions of a script that draw those of the program."""

    is_exact = True

    def new(self, name: str, shape: tuple[int, ...], updates: int, dtype: str) -> str:
        drawn = f'distinct("written {updates} {name}", {shape}, "{dtype}")'
        return f"torch.tensor({drawn}, dtype=DTYPE)"

    def forward(self, batch: int) -> str:
        return f'make_inputs("forward", {batch})'

    def batches(self, count: int, salt: str) -> str:
        return f'make_batches({count}, "{salt}")'

    def layer_inputs(self, shape: tuple[int, ...], below: int, dtype: str) -> str:
        if below:
            return f'torch.tensor(integers("layer input", {shape}, {below}))'
        return f'torch.tensor(reals("layer input", {shape}), dtype=DTYPE)'


def _arguments(shape: tuple[int, ...]) -> str:
    return ", ".join(map(str, shape))


def _dtype_argument(dtype: str) -> str:
    return "" if dtype == "float32" else f", dtype=torch.{dtype}"


class StepLines:
    """Renders the steps of one program, in order.

    Args:
        program: The program.
        holds: How the sparsifier holds masks.
        numbers: How numbers are rendered.
        renews: Whether an update makes the masks anew after a restore.
    """

    def __init__(
        self, program: AnyProgram, holds: Holds, numbers: Sketch | None = None, renews: bool = False
    ) -> None:
        self._numbers = numbers or Sketch()
        self._renews = renews
        self._updates = 0
        self._keeps_gradients = True
        self._program = program
        self._holds = holds
        self._dtype: str = program.dtype
        self._is_attached = False
        self._has_optimizer = False
        self._counts = False

    def lines(self) -> Iterator[str]:
        """Yield the lines of all steps."""
        for step in self._program.steps:
            yield from self.step(step)

    @singledispatchmethod
    def step(self, step: Any) -> Iterator[str]:
        """Yield the lines of one step."""
        raise TypeError(f"no step: {step!r}")

    @property
    def _planned(self) -> list[str]:
        return [one.name for one in self._program.plan if one.name in self._program.shapes]

    def dense(self, name: str) -> str:
        """Return the expression for the parameter that training changes."""
        if not self._is_attached or self._holds not in ("parametrization", "buffer"):
            return f"model.{name}"
        module, _, attribute = name.rpartition(".")
        if self._holds == "buffer":
            return f"model.{module}.{attribute}_orig"
        return f"model.{module}.parametrizations.{attribute}.original"

    def _layers(self) -> list[ProgramLayer | GraphLayer]:
        planned = {*self._planned}
        return [one for one in self._program.layers if any(f"{one.name}.{name}" in planned for name in one.shapes)]

    def _forget(self) -> None:
        self._has_optimizer = self._keeps_gradients = False

    @step.register
    def _(self, step: Attach) -> Iterator[str]:
        if step.default_dtype != "float32":
            yield f"torch.set_default_dtype(torch.{step.default_dtype})"
        shapes = self._program.shapes
        missing = [one.name for one in self._program.plan if one.name not in shapes]
        refused = f"  # must be refused: there is no {missing[0]}" if missing else ""
        yield f"sparsified = adapter.attach(model, plan, context){refused}"
        yield "model = sparsified.model"
        self._is_attached = True

    @step.register
    def _(self, step: Update) -> Iterator[str]:
        level = "" if step.level is None else _number(step.level, step.type)
        is_level = step.level is None or 0 <= step.level <= 1
        refused = "" if is_level else "  # must be refused: a level is a fraction from 0 to 1"
        if refused and self._numbers.is_exact:
            yield from ("try:", f"    sparsified.update({level}){refused}", "except Exception:", "    pass")
            return
        yield from _within(step.under, f"sparsified.update({level}){refused}")
        self._updates += is_level
        self._keeps_gradients = False

    @step.register
    def _(self, step: WriteWeights) -> Iterator[str]:
        if step.how in ("load_state_dict", "assign"):
            assign = ", assign=True" if step.how == "assign" else ""
            yield "state = {name: tensor.clone() for name, tensor in model.state_dict().items()}"
            for name in self._planned:
                yield f'state["{self.dense(name).removeprefix("model.")}"] = {self._new(name)}'
            yield f"model.load_state_dict(state{assign})"
            if assign:
                self._forget()
            return
        data = ".data" if step.how == "data" else ".detach()"
        yield from (f"{self.dense(name)}{data}.copy_({self._new(name)})" for name in self._planned)

    def _new(self, name: str) -> str:
        drawn = self._numbers.new(name, self._program.shapes[name], self._updates, self._dtype)
        is_kept_in_place = self._is_attached and self._holds not in ("parametrization", "buffer")
        return f'{drawn} * sparsified.masks()["{name}"]' if is_kept_in_place else drawn

    @step.register
    def _(self, step: Forward) -> Iterator[str]:
        yield from _within(step.under, f"model({self._numbers.forward(step.batch)})")

    @step.register
    def _(self, step: Backward) -> Iterator[str]:
        if step.zero != "keep" or not self._keeps_gradients:
            yield f"model.zero_grad({'' if step.zero == 'none' else 'set_to_none=False'})"
        self._keeps_gradients = True
        if step.forwards == 1 and not self._numbers.is_exact:
            yield "mse_loss(model(inputs), batches[0][1]).backward()"
        else:
            batches = self._numbers.batches(step.forwards, "backward")
            yield f"sum(mse_loss(model(one), target) for one, target in {batches}).backward()"

    @step.register
    def _(self, step: Train) -> Iterator[str]:
        if not self._has_optimizer:
            self._has_optimizer = True
            yield f"optimizer = {_OPTIMIZERS[self._program.optimizer]}"
        yield f'sparsified.train({self._numbers.batches(step.steps, "train")}, mse_loss, optimizer)'
        self._keeps_gradients = False

    @step.register
    def _(self, step: SetMode) -> Iterator[str]:
        yield f"model.{'train' if step.train else 'eval'}()"

    @step.register
    def _(self, step: Freeze) -> Iterator[str]:
        for name in self._planned[: 1 if step.what == "first" else None]:
            yield f"{self.dense(name)}.requires_grad_({not step.frozen})"

    @step.register
    def _(self, step: Cast) -> Iterator[str]:
        self._dtype = step.dtype
        yield f"model.to(torch.{step.dtype})"
        if self._numbers.is_exact:
            yield f"DTYPE = torch.{step.dtype}"
            yield 'inputs = make_inputs("probe")'
            return
        if self._program.layers[0].kind != "embedding":
            yield f"inputs = inputs.to(torch.{step.dtype})"
        elsewhere = "data" if self._program.layers[0].kind == "embedding" else f"data.to(torch.{step.dtype})"
        yield f"batches = [({elsewhere}, target.to(torch.{step.dtype})) for data, target in batches]"

    @step.register
    def _(self, step: ChangeMemory) -> Iterator[str]:
        kind = "channels_last" if step.format == "channels_last" else "contiguous_format"
        if kind == "channels_last" and any(one.kind == "conv3d" for one in self._program.layers):
            return  # torch cannot
        yield f"model.to(memory_format=torch.{kind})"

    @step.register
    def _(self, step: CopyModel) -> Iterator[str]:
        made = {"deepcopy": "copy.deepcopy({})", "pickle": "pickle.loads(pickle.dumps({}))"}[step.how]
        if step.what == "model":
            yield f"other = {made.format('model')}"
            yield "other(inputs)"
            yield "for weight in other.parameters():"
            yield "    weight.data.fill_(7.0)  # the copy must share nothing with the model"
            return
        yield f"sparsified = {made.format('sparsified')}"
        yield "model = sparsified.model"
        self._forget()

    @step.register
    def _(self, step: SaveAndRestore) -> Iterator[str]:
        yield "saved = sparsified.save()"
        if self._numbers.is_exact:
            yield 'fresh = make_model("other").to(DTYPE)  # with other weights, to restore onto'
            yield "context = make_context()"
        elif self._dtype != self._program.dtype:
            yield f"fresh.to(torch.{self._dtype})"
        if step.through != "memory":
            yield "file = io.BytesIO()"
            yield "torch.save((saved.model, saved.sidecar), file)"
            yield "file.seek(0)"
            yield "saved = Saved(*torch.load(file, weights_only=False))"
        is_again = sum(isinstance(one, SaveAndRestore) for one in self._program.steps) > 1
        onto = "copy.deepcopy(fresh)" if is_again and not self._numbers.is_exact else "fresh"
        yield f"sparsified = adapter.restore({onto}, plan, saved, context)"
        yield "model = sparsified.model"
        if self._renews:
            yield "sparsified.update()  # the saved state has no masks"
        self._forget()

    @step.register
    def _(self, step: AddHook) -> Iterator[str]:
        if not self._counts:
            self._counts = True
            yield "calls = []"
        names = [""] if step.on == "model" else [f".{layer.name}" for layer in self._layers()]
        for name in names:
            what = f'"{step.kind} hook of {name[1:] or "the model"}"'
            yield f"model{name}.{_HOOKS[step.kind]}(lambda *_: calls.append({what}))"

    @step.register
    def _(self, step: Parametrize) -> Iterator[str]:
        planned = {layer.name for layer in self._layers()}
        for layer in self._program.layers:
            if layer.kind == "linear" and layer.name not in planned:
                yield f'parametrize.register_parametrization(model.{layer.name}, "weight", nn.Identity())'

    @step.register
    def _(self, step: CallLayer) -> Iterator[str]:
        program = self._program
        for layer in self._layers():
            if not isinstance(program, Program) or not isinstance(layer, ProgramLayer):
                continue  # of the structural profile, which has lines of its own
            shape = (3, *taken_shape(layer, program, input_shape(program))[0])
            below = layer.inputs if layer.kind == "embedding" else 0
            yield f"model.{layer.name}({self._numbers.layer_inputs(shape, below, self._dtype)})"

    @step.register
    def _(self, step: FunctionalCall) -> Iterator[str]:
        yield "torch.func.functional_call(model, dict(model.named_parameters()), (inputs,))"

    @step.register
    def _(self, step: Finalize) -> Iterator[str]:
        yield "model = sparsified.finalize()"
        if step.train:
            yield f"optimizer = {_OPTIMIZERS[self._program.optimizer]}"
            yield f'for data, target in {self._numbers.batches(step.train, "train")}:'
            yield "    optimizer.zero_grad()"
            yield "    mse_loss(model(data), target).backward()"
            yield "    optimizer.step()"


def _number(level: float, kind: str) -> str:
    if kind == "int" and level in (0, 1):
        return str(int(level))
    if kind == "tensor":
        return f"torch.tensor({level}, dtype=torch.float64)"
    if kind == "numpy":
        return f"numpy.float32({level})" if float(np.float32(level)) == level else f"numpy.float64({level})"
    return repr(level)


def _within(mode: Under, line: str) -> Iterator[str]:
    if mode:
        yield f"with {_UNDER[mode]}:"
    yield f"    {line}" if mode else line
