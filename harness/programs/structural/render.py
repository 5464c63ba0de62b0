"""Render a structural program as the lines of Python that a person would write: plain torch and the adapter protocol.

Values that a short line cannot hold are described in a comment.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...values.steps import CallLayer, Step, Update, WriteWeights
from ...values.structural_program import WINDOWS, GraphLayer, StructuralProgram
from ..format_code import WIDTH
from ..render import layer_flag_lines, other_lines, plan_lines, value_lines
from ..render_steps import StepLines
from .network import EDGE, output_shape


def render(program: StructuralProgram) -> list[str]:
    """Return the lines of a program, without imports."""
    dense = [*_class_lines(program), "", "", *_model(program), *layer_flag_lines(program), *other_lines(program)]
    return [*dense, *plan_lines(program), *_data(program), *_Lines(program).lines()]


# ----------------------------------------------------------------- the network


def _class_lines(program: StructuralProgram) -> Iterator[str]:
    yield "class Model(nn.Module):"
    yield "    def __init__(self):"
    yield "        super().__init__()"
    for layer in program.layers:
        if layer.kind not in ("add", "concat"):
            yield f"        self.{layer.name} = {_module(layer)}"
    yield ""
    yield "    def forward(self, inputs):"
    last = "inputs"
    for layer in program.layers:
        taken = ["inputs" if name == "input" else f"{name}_out" for name in layer.takes] or [last]
        last = f"{layer.name}_out"
        yield f"        {last} = {_expression(layer, taken)}"
    yield f"        return {last}"


def _expression(layer: GraphLayer, taken: list[str]) -> str:
    if layer.kind == "add":
        return " + ".join(taken)
    if layer.kind == "concat":
        return f"torch.cat(({', '.join(taken)}), 1)"
    return f"self.{layer.name}({taken[0]})"


def _module(layer: GraphLayer) -> str:
    """Return the call that makes the module of a layer, with the arguments that are not torch's defaults."""
    bias = "" if layer.bias else ", bias=False"
    if layer.kind == "linear":
        return f"nn.Linear({layer.inputs}, {layer.outputs}{bias})"
    if layer.kind in WINDOWS:
        padding = f", padding={layer.padding}" if layer.padding else ""
        groups = f", groups={layer.groups}" if layer.groups > 1 else ""
        sizes = f"{layer.inputs}, {layer.outputs}, {layer.kernel}"
        return f"nn.Conv{WINDOWS[layer.kind]}d({sizes}{padding}{groups}{bias})"
    return {
        "norm": f"nn.BatchNorm1d({layer.inputs})", "norm2d": f"nn.BatchNorm2d({layer.inputs})",
        "relu": "nn.ReLU()", "flatten": "nn.Flatten()",
    }[layer.kind]


def _model(program: StructuralProgram) -> Iterator[str]:
    cast = "" if program.dtype == "float32" else f".to(torch.{program.dtype})"
    yield f"model = Model(){cast}"
    yield from value_lines(program)
    for layer in program.layers:
        if layer.kind.startswith("norm"):
            yield f"model.{layer.name}.running_mean.uniform_(-1, 1)"
            yield f"model.{layer.name}.weight.data.uniform_(0.5, 1.5)"


def _data(program: StructuralProgram) -> Iterator[str]:
    """Yield the inputs, the batches and the context."""
    dtype = "" if program.dtype == "float32" else f", dtype=torch.{program.dtype}"
    made, target = (f"torch.rand({', '.join(map(str, (3, *shape)))}{dtype})"
                    for shape in (program.input_shape, output_shape(program)))
    yield f"inputs = {made}"
    line = f"batches = [({made}, {target}) for _ in range(3)]"
    parts = ["batches = [", f"    ({made}, {target})", "    for _ in range(3)", "]"]
    yield from [line] if len(line) <= WIDTH else parts
    yield f'context = Context(inputs, tuple(batches[:2]), torch.device("cpu"), torch.{program.dtype})'


# ----------------------------------------------------------------- steps


class _Lines(StepLines):
    """Renders the steps of a structural program."""

    def __init__(self, program: StructuralProgram) -> None:
        super().__init__(program, "in place")

    def lines(self) -> Iterator[str]:
        for step in self._program.steps:
            yield from self._line(step)

    def _line(self, step: Step) -> Iterator[str]:
        if isinstance(step, WriteWeights):
            return self._write(step)
        if isinstance(step, CallLayer):
            return self._call()
        lines = self.step(step)
        return self._updated(lines) if isinstance(step, Update) else lines

    def _updated(self, lines: Iterator[str]) -> Iterator[str]:
        """Yield the lines of an update, after which the model has other parameters."""
        yield from lines
        self._forget()

    def _call(self) -> Iterator[str]:
        for layer in self._layers():
            channels = f"model.{layer.name}.weight.shape[1]"
            sizes = ", ".join((channels, *(str(max(EDGE, layer.kernel)),) * WINDOWS[layer.kind]))
            dtype = "" if self._dtype == "float32" else f", dtype=torch.{self._dtype}"
            yield f"model.{layer.name}(torch.rand(3, {sizes}{dtype}))"

    def _write(self, step: WriteWeights) -> Iterator[str]:
        """Yield new weights of the shapes that remain."""
        yield "state = {name: tensor.clone() for name, tensor in model.state_dict().items()}"
        for name in self._planned:
            new = f'torch.randn_like(state["{name}"])'
            if step.how in ("in place", "data"):
                yield f"model.{name}{'.data' if step.how == 'data' else '.detach()'}.copy_({new})"
            else:
                yield f'state["{name}"] = {new}'
        if step.how in ("load_state_dict", "assign"):
            yield f"model.load_state_dict(state{', assign=True' if step.how == 'assign' else ''})"
        if step.how == "assign":
            self._forget()
