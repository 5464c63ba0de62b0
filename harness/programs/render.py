"""Render a program as the lines of Python that a person would write: plain torch and the adapter protocol.

The lines run after `imports`, `definitions` and a line that makes `adapter`. Values that a short line cannot hold are
described in a comment.
"""

from __future__ import annotations

import ast
import inspect
import math
import re
from collections.abc import Iterable, Iterator

import numpy as np

from ..trials.models import Chain
from ..values.contract import Holds
from ..values.program import WINDOWS, Program, ProgramLayer, Removal
from ..values.program_json import AnyProgram
from ..values.steps import SaveAndRestore
from . import build
from .build import input_shape, output_shape, pattern, taken_shape
from .format_code import WIDTH, unparse
from .render_steps import StepLines
from .strip_code import strip
from .weights import drawn_name, values_of

MOST_ENTRIES = 32
"""The most entries of a tensor that are written out."""

_VALUES = {
    "distinct": "random, no two of equal magnitude", "few": "random, of three magnitudes, so that there are ties",
    "zeros": "random, a third of them 0", "equal": "all of equal magnitude", "nan": "random, one of them NaN",
    "infinite": "random, one of them infinite", "subnormal": "random and subnormal",
    "wide": "random, over the whole range of the dtype", "untied": "random, no two of equal magnitude",
}

_CLASSES = (Chain, build.Fit, build.Scale, build.LSTM, build.GRU, build.SelfAttention)

_IMPORTS = {
    "copy.": "import copy", "io.": "import io", "math.": "import math", "pickle.": "import pickle",
    "OrderedDict": "from collections import OrderedDict", "Counter(": "from collections import Counter",
    "numpy.": "import numpy", "torch.": "import torch", "nn.": "from torch import nn",
    "mse_loss": "from torch.nn.functional import mse_loss", "parametrize.": "from torch.nn.utils import parametrize",
}
_PATTERNS = ("Band", "Block", "Channel", "Given", "NofM", "Unstructured")


def render(program: Program, holds: Holds = "in place") -> list[str]:
    """Return the lines of a program, without imports.

    Args:
        program: The program.
        holds: How the sparsifier holds masks, which decides where the dense weights are after attach.
    """
    steps = StepLines(program, holds)
    dense = [*network_lines(program), *value_lines(program), *flag_lines(program)]
    return [*dense, *other_lines(program), *plan_lines(program), *_data(program), *steps.lines()]


def render_pair(first: Program, second: Program, change: str, holds: Holds = "in place") -> list[str]:
    """Return the lines of two programs whose masks belong together.

    Args:
        first: The first program.
        second: The program that a relation derives from it.
        change: How the two differ, in words.
        holds: How the sparsifier holds masks.
    """
    lines = render(first, holds)
    again = [line for line in render(second, holds) if line not in lines or not line.startswith(_SHARED)]
    return [
        *lines, "masks = sparsified.masks()", "",
        f"# The second program: {change}. Its random numbers are those of the first.", *again,
    ]


_SHARED = ("inputs = ", "batches = ", "context = ")
"""The lines that a second program need not repeat."""


def definitions(lines: Iterable[str]) -> list[str]:
    """Return the classes that rendered lines use and torch does not have, as lines of Python."""
    text = "\n".join(lines)
    return [line for one in _CLASSES if re.search(rf"(?<!nn\.)\b{one.__name__}\(", text) for line in _source(one)]


def _source(one: type) -> list[str]:
    """Return the lines of a class, without annotations."""
    [node] = ast.parse(inspect.getsource(one)).body
    return [*unparse(strip(node)).splitlines(), ""]


def imports(lines: Iterable[str]) -> list[str]:
    """Return the imports that rendered lines need."""
    lines = list(lines)
    text, needed = "\n".join(lines), torch_imports(lines)
    ours = [name for name in ("Context", "Plan", "Saved", *_PATTERNS) if f"{name}(" in text]
    return [*needed, *([f"from sparsecheck import {', '.join(sorted(ours))}"] if ours else [])]


def torch_imports(lines: Iterable[str]) -> list[str]:
    """Return the imports of Python, NumPy and torch that rendered lines need."""
    text = "\n".join(lines)
    return sorted({line for word, line in _IMPORTS.items() if word in text}, key=lambda line: line.split()[1])


# ----------------------------------------------------------------- the network


def network_lines(program: Program) -> Iterator[str]:
    """Yield the model; a layer that runs twice has a line of its own before it."""
    twice = {layer.of for layer in program.layers if layer.kind == "again"}
    yield from (f"{_own(layer.name)} = {_module(layer)}" for layer in program.layers if layer.name in twice)
    parts = [*_parts(program, twice)]
    cast = "" if program.dtype == "float32" else f".to(torch.{program.dtype})"
    kind = "nn.Sequential" if program.sequential else "Chain"
    whole = f"model = {kind}(OrderedDict({', '.join(parts)})){cast}"
    if len(whole) <= WIDTH:
        yield whole
        return
    yield f"model = {kind}(OrderedDict("
    yield from (f"    {part}," for part in parts)
    yield f")){cast}"


def _parts(program: Program, twice: set[str]) -> Iterator[str]:
    shape, blocks = input_shape(program), dict[str, list[str]]()
    for number, layer in enumerate(program.layers):
        taken, made = taken_shape(layer, program, shape)
        if taken != shape:
            yield f"fit{number}=Fit({', '.join(map(str, taken))})"
        name = layer.of if layer.kind == "again" else layer.name
        module = _own(name) if name in twice else _module(layer)
        block, _, last = layer.name.partition(".")
        if last:
            blocks.setdefault(block, []).append(f"{last}={module}")
            following = program.layers[number + 1].name if number + 1 < len(program.layers) else ""
            if not following.startswith(f"{block}."):
                yield f"{block}=nn.Sequential(OrderedDict({', '.join(blocks[block])}))"
        else:
            yield f"{block}={module}"
        shape = made


def _own(name: str) -> str:
    """Return the variable for a module that runs twice."""
    return f"shared_{name.replace('.', '_')}"


def _module(layer: ProgramLayer) -> str:
    """Return the call that makes the module of a layer, with the arguments that are not torch's defaults."""
    bias = "" if layer.bias else ", bias=False"
    groups = "" if layer.groups == 1 else f", groups={layer.groups}"
    if layer.kind in WINDOWS:
        kind = f"{'ConvTranspose' if layer.kind.startswith('transposed') else 'Conv'}{WINDOWS[layer.kind]}d"
        return f"nn.{kind}({layer.inputs}, {layer.outputs}, {layer.kernel}{groups}{bias})"
    return {
        "linear": f"nn.Linear({layer.inputs}, {layer.outputs}{bias})",
        "embedding": f"nn.Embedding({layer.inputs}, {layer.outputs})",
        "lstm": f"LSTM({layer.inputs}, {layer.outputs}{bias}, batch_first=True)",
        "gru": f"GRU({layer.inputs}, {layer.outputs}{bias}, batch_first=True)",
        "attention": f"SelfAttention({layer.inputs}, {layer.groups}{bias}, batch_first=True)",
        "scale": f"Scale({layer.inputs})",
        "norm": f"nn.LayerNorm({layer.inputs})",
        "batchnorm": f"nn.BatchNorm1d({layer.inputs})",
        "relu": "nn.ReLU()",
        "identity": f"nn.Linear({layer.inputs}, {layer.inputs}, bias=False)",
    }[layer.kind]


def flag_lines(program: Program) -> Iterator[str]:
    """Yield what sets the memory and the flags of the dense model."""
    if program.memory == "channels_last":
        yield "for weight in model.parameters():"
        yield "    if weight.dim() == 4:"
        yield "        weight.data = weight.data.contiguous(memory_format=torch.channels_last)"
    if program.memory == "transposed":
        yield "for weight in model.parameters():"
        yield "    weight.data = weight.data.t().contiguous().t() if weight.dim() == 2 else weight.data"
    yield from layer_flag_lines(program)


def layer_flag_lines(program: AnyProgram) -> Iterator[str]:
    """Yield what sets the flags of the dense model's layers."""
    for layer in program.layers:
        if layer.frozen:
            yield f"model.{layer.name}.requires_grad_(False)"
        if layer.evaluates:
            yield f"model.{layer.name}.eval()"


# ----------------------------------------------------------------- weights and plan


def value_lines(program: AnyProgram) -> Iterator[str]:
    """Yield the values of the planned parameters, and of no other, which are random or an identity matrix."""
    shapes = program.shapes
    for removal in program.plan:
        if removal.name in shapes:
            written = _written(removal.name, shapes[removal.name], program)
            yield from written or [f"# model.{removal.name}: {_in_words(removal.name, program)}"]
    yield from (f"nn.init.eye_(model.{one.name}.weight)" for one in program.layers if one.kind == "identity")


def _in_words(name: str, program: AnyProgram) -> str:
    """Return what values a parameter has, if they are too many to write them out."""
    words = [_VALUES[program.values]]
    layer = program.layer_of(name) if isinstance(program, Program) else None
    if layer is not None and layer.like:
        words.append(f"the same as those of {drawn_name(program, name)}")
    if layer is not None and layer.factor != 1:
        words.append(f"multiplied by {layer.factor:g}")
    if layer is not None and layer.reverses:
        words.append("its rows in reverse order")
    return ", ".join(words)


def _written(name: str, shape: tuple[int, ...], program: AnyProgram) -> list[str]:
    """Return the lines that set a parameter to its values, or none if there are too many or too long ones."""
    if math.prod(shape) > MOST_ENTRIES:
        return []
    values = values_of(program, name, "dense", shape, program.values, program.dtype).tolist()
    dtype = "" if program.dtype == "float32" else f", dtype=torch.{program.dtype}"
    line = f"model.{name}.data = torch.tensor({_nested(values)}{dtype})"
    if len(line) <= WIDTH:
        return [line]
    rows = [f"    {_nested(row)}," for row in values]
    lines = [f"model.{name}.data = torch.tensor([", *rows, f"]{dtype})"]
    return lines if max(map(len, lines)) <= WIDTH else []


def _nested(value: object) -> str:
    """Return nested lists of numbers as Python that evaluates to them."""
    if isinstance(value, list):
        return f"[{', '.join(map(_nested, value))}]"
    return repr(value) if isinstance(value, float) and math.isfinite(value) else f"float('{value}')"


def other_lines(program: AnyProgram) -> Iterator[str]:
    """Yield the dense model that a saved state is restored onto, if a step does that."""
    if any(isinstance(step, SaveAndRestore) for step in program.steps):
        yield "fresh = copy.deepcopy(model)  # the same network with other weights, to restore onto"
        yield "for weight in fresh.parameters():"
        yield "    weight.data.uniform_(-1, 1)"


def plan_lines(program: AnyProgram, exact: bool = False) -> Iterator[str]:
    """Yield the plan."""
    parts = [f'"{one.name}": {_pattern(one, program, exact)}' for one in program.plan]
    scope = ', scope="all"' if program.scope == "all" else ""
    whole = f"plan = Plan({{{', '.join(parts)}}}{scope})"
    if len(whole) <= WIDTH:
        yield whole
        return
    yield "plan = Plan({"
    yield from (f"    {part}," for part in parts)
    yield f"}}{scope})"


def _pattern(removal: Removal, program: AnyProgram, exact: bool) -> str:
    if removal.pattern == "given":
        shape, drawn = program.shapes.get(removal.name, (2, 4)), drawn_name(program, removal.name)
        mask = getattr(pattern(removal, shape, drawn), "mask")  # noqa: B009  # only `Given` has one
        order = "" if removal.order == "C" else ', order="F"'
        if removal.fill != "drawn":
            return f"Given(numpy.full({shape}, {removal.fill == 'ones'}))"
        if mask.size > MOST_ENTRIES and exact:
            return f'Given(given_mask("{drawn}", {shape}{order}))'
        if mask.size > MOST_ENTRIES:
            return f"Given(numpy.array(numpy.random.rand({', '.join(map(str, shape))}) < 0.5{order}))"
        return f"Given(numpy.array({np.asarray(mask).astype(int).tolist()}, dtype=bool{order}))"
    return {
        "unstructured": f"Unstructured({removal.level})",
        "block": f"Block({removal.block}, {removal.level})",
        "n_of_m": f"NofM({removal.keep[0]}, {removal.keep[1]})",
        "channel": f"Channel({removal.level}, dim={removal.dim})",
        "band": f"Band({removal.width})",
    }[removal.pattern]


# ----------------------------------------------------------------- inputs


def _data(program: Program) -> Iterator[str]:
    """Yield the inputs, the batches and the context."""
    dtype = "" if program.dtype == "float32" else f", dtype=torch.{program.dtype}"
    made = random_inputs(program, 3, dtype)
    yield f"inputs = {made}"
    target = ", ".join(map(str, (3, *output_shape(program))))
    yield f"batches = [({made}, torch.rand({target}{dtype})) for _ in range(3)]"
    if program.steps:
        calibration = "batches[1::-1]" if program.reverses_batches else "batches[:2]"
        yield f'context = Context(inputs, tuple({calibration}), torch.device("cpu"), torch.{program.dtype})'


def random_inputs(program: Program, batch: int, dtype: str = "") -> str:
    """Return the call that makes inputs of a batch, with `dtype` as the last argument."""
    first, shape = program.layers[0], input_shape(program)
    if first.kind == "embedding":
        return f"torch.randint({first.inputs}, ({', '.join(map(str, (batch, *shape)))}))"
    if program.memory == "expanded":
        one = ", ".join(map(str, (1, *shape)))
        return f"torch.rand({one}{dtype}).expand({', '.join(map(str, (batch, *shape)))})"
    return f"torch.rand({', '.join(map(str, (batch, *shape)))}{dtype})"
