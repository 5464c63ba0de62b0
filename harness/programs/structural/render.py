"""Render a structural program as the lines of Python that a person would write: plain torch and the adapter protocol.

Values that a short line cannot hold are described in a comment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...values.network import FACTOR
from ...values.steps import CallLayer, SaveAndRestore, Step, Update, WriteWeights
from ...values.structural_program import TRANSPOSED, WINDOWS, GraphLayer, StructuralProgram
from ..format_code import WIDTH
from ..render import layer_flag_lines, other_lines, plan_lines, value_lines
from ..render_steps import Sketch, StepLines
from .network import EDGE, network, output_shape


def render(program: StructuralProgram) -> list[str]:
    """Return the lines of a program, without imports."""
    dense = [*class_lines(program), "", "", *_model(program), *layer_flag_lines(program), *other_lines(program)]
    return [*dense, *plan_lines(program), *_data(program), *ChannelStepLines(program).lines()]


# ----------------------------------------------------------------- the network


def class_lines(program: StructuralProgram) -> Iterator[str]:
    """Yield the class of the model, whose forward has a line for every layer."""
    yield "class Model(nn.Module):"
    yield "    def __init__(self):"
    yield "        super().__init__()"
    for layer in program.layers:
        if layer.kind not in _EXPRESSIONS:
            yield f"        self.{layer.name} = {_module(layer)}"
    yield ""
    yield "    def forward(self, inputs):"
    last, axis = "inputs", network(program).channel_axis
    for layer in program.layers:
        taken = ["inputs" if name == "input" else f"{name}_out" for name in layer.takes] or [last]
        last = f"{layer.name}_out"
        yield from (f"        {line}" for line in _expression(layer, last, taken, axis))
    yield f"        return {last}"


_EXPRESSIONS = ("add", "concat", "view", "heads")
"""Kinds of layers that are no modules."""


def _expression(layer: GraphLayer, name: str, taken: list[str], axis: int) -> Iterator[str]:
    """Yield the lines that compute the output of a layer."""
    if layer.kind == "heads":
        parts = [f"{one}.unflatten(2, (-1, {FACTOR})).transpose(1, 2)" for one in taken]
        yield from (f"{part} = {value}" for part, value in zip(("queries", "keys", "values"), parts, strict=True))
        yield "attended = nn.functional.scaled_dot_product_attention(queries, keys, values)"
        yield f"{name} = attended.transpose(1, 2).flatten(2)"
        return
    called = f"self.{layer.name}({taken[0]})"
    yield f"{name} = " + {
        "add": " + ".join(taken), "concat": f"torch.cat(({', '.join(taken)}), {axis})",
        "view": f"{taken[0]}.unflatten(1, (-1, {FACTOR}, {FACTOR}))", "lstm": f"{called}[0]",
    }.get(layer.kind, called)


def _module(layer: GraphLayer) -> str:
    """Return the call that makes the module of a layer, with the arguments that are not torch's defaults."""
    bias = "" if layer.bias else ", bias=False"
    if layer.kind == "linear":
        return f"nn.Linear({layer.inputs}, {layer.outputs}{bias})"
    if layer.kind in WINDOWS or layer.kind in TRANSPOSED:
        padding = f", padding={layer.padding}" if layer.padding else ""
        groups = f", groups={layer.groups}" if layer.groups > 1 else ""
        sizes = f"{layer.inputs}, {layer.outputs}, {layer.kernel}"
        kind = f"ConvTranspose{TRANSPOSED[layer.kind]}d" if layer.kind in TRANSPOSED else f"Conv{WINDOWS[layer.kind]}d"
        return f"nn.{kind}({sizes}{padding}{groups}{bias})"
    return {
        "norm": f"nn.BatchNorm1d({layer.inputs})", "norm2d": f"nn.BatchNorm2d({layer.inputs})",
        "layernorm": f"nn.LayerNorm({layer.inputs})", "groupnorm": f"nn.GroupNorm({layer.groups}, {layer.inputs})",
        "pool1d": "nn.AvgPool1d(2)", "pool2d": "nn.AvgPool2d(2)", "relu": "nn.ReLU()", "flatten": "nn.Flatten()",
        "shuffle": f"nn.PixelShuffle({FACTOR})", "unshuffle": f"nn.PixelUnshuffle({FACTOR})",
        "lstm": f"nn.LSTM({layer.inputs}, {layer.outputs}{bias}, batch_first=True)",
    }[layer.kind]


def _model(program: StructuralProgram) -> Iterator[str]:
    cast = "" if program.dtype == "float32" else f".to(torch.{program.dtype})"
    yield f"model = Model(){cast}"
    yield from value_lines(program)
    for layer in program.layers:
        if layer.kind in ("norm", "norm2d"):
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


Places = tuple[list[int], list[int]]
"""Which rows and columns of a dense weight remain."""


class ChannelStepLines(StepLines):
    """Renders the steps of a structural program.

    Args:
        program: The program.
        numbers: How numbers are rendered.
        written: By step that writes weights, by name, the rows and columns of the dense weight that remain then; for
            exact numbers.
    """

    def __init__(
        self, program: StructuralProgram, numbers: Sketch | None = None, written: Sequence[dict[str, Places]] = ()
    ) -> None:
        super().__init__(program, "in place", numbers)
        self._written = iter(written)

    def lines(self) -> Iterator[str]:
        for step in self._program.steps:
            yield from self.line(step)

    def line(self, step: Step) -> Iterator[str]:
        """Yield the lines of one step."""
        if isinstance(step, WriteWeights):
            return self._write(step)
        if isinstance(step, CallLayer):
            return self._call()
        if isinstance(step, SaveAndRestore):
            return self._restored(self.step(step))
        lines = self.step(step)
        return self._updated(lines) if isinstance(step, Update) else lines

    def _updated(self, lines: Iterator[str]) -> Iterator[str]:
        """Yield the lines of an update, after which the model has other parameters."""
        yield from lines
        self._forget()

    def _restored(self, lines: Iterator[str]) -> Iterator[str]:
        """Yield the lines of a restore, onto a dense model that has the flags of the sparse one."""
        for line in lines:
            yield line
            if self._numbers.is_exact and line.startswith("fresh = "):
                yield "for one, other in zip(fresh.modules(), model.modules()):"
                yield "    one.training = other.training"
                yield "for one, other in zip(fresh.parameters(), model.parameters()):"
                yield "    one.requires_grad_(other.requires_grad)"

    def _call(self) -> Iterator[str]:
        for layer in self._layers():
            yield self.called(layer.name)

    def called(self, name: str) -> str:
        """Return the expression for the output of a layer called by itself."""
        layer = next(one for one in self._program.layers if one.name == name)
        edges = (max(EDGE, layer.kernel),) * WINDOWS.get(layer.kind, 0)
        weight, output = ("weight_ih_l0", "[0]") if layer.kind == "lstm" else ("weight", "")
        sizes = ", ".join(("3", f"model.{name}.{weight}.shape[1]", *map(str, edges)))
        if self._numbers.is_exact:
            return f'model.{name}(torch.tensor(reals("layer input", ({sizes})), dtype=DTYPE)){output}'
        dtype = "" if self._dtype == "float32" else f", dtype=torch.{self._dtype}"
        return f"model.{name}(torch.rand({sizes}{dtype})){output}"

    def _write(self, step: WriteWeights) -> Iterator[str]:
        """Yield new weights of the shapes that remain."""
        yield "state = {name: tensor.clone() for name, tensor in model.state_dict().items()}"
        places = next(self._written, {})
        for name in self._planned:
            new = f'torch.randn_like(state["{name}"])'
            if self._numbers.is_exact:
                new = self._numbers.new(name, self._program.shapes[name], self._updates, self._dtype)
                rows, columns = places[name]
                new = f"{new}[{rows}][:, {columns}]"
            if step.how in ("in place", "data"):
                yield f"model.{name}{'.data' if step.how == 'data' else '.detach()'}.copy_({new})"
            else:
                yield f'state["{name}"] = {new}'
        if step.how in ("load_state_dict", "assign"):
            yield f"model.load_state_dict(state{', assign=True' if step.how == 'assign' else ''})"
        if step.how == "assign":
            self._forget()

