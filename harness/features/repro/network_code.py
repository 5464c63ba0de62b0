"""Generate the torch code of a network, as a user would write it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from ...values.network import Layer, Network

_TYPES = {
    "linear": "Linear", "conv1d": "Conv1d", "conv2d": "Conv2d", "embedding": "Embedding", "norm": "BatchNorm1d",
    "relu": "ReLU", "flatten": "Flatten",
}
_OWN_LINEAR = "class OwnLinear(nn.Linear):\n    pass\n\n\n"


def network_code(network: Network, name: str) -> str:
    """Return the code of a class or function called `name` that makes the dense model."""
    own = _OWN_LINEAR if any(layer.subclassed for layer in network.layers) else ""
    if not network.layers[0].name:
        return f"def {name}():\n    return {_layer(network.layers[0])}\n"
    if network.sequential:
        parts = "".join(f"        {part}={code},\n" for part, code in _parts(network))
        return f"def {name}():\n    return nn.Sequential(OrderedDict(\n{parts}    ))\n"
    return own + _class(network, name)


def _class(network: Network, name: str) -> str:
    parts = list(_parts(network))
    lines = [f"class {name}(nn.Module):", "    def __init__(self):", "        super().__init__()"]
    lines += [f"        self.{part} = {code}" for part, code in parts]
    lines += [f"        self.{tied} = self.{source}" for tied, source in network.tied]
    for layer in network.layers:
        if layer.strided:
            weight = f"self.{layer.weight}"
            lines.append(f"        {weight} = nn.Parameter({weight}.detach().t().contiguous().t())  # not contiguous")
    value = "inputs"
    for part, _ in parts:
        value = f"self.{part}({value})"
    return "\n".join([*lines, "", "    def forward(self, inputs):", f"        return {value}", ""])


def _parts(network: Network) -> Iterator[tuple[str, str]]:
    """Yield the direct children of the model, a layer or a block each, as name and code."""
    for block, layers in groupby(network.layers, lambda layer: layer.name.rpartition(".")[0]):
        if block:
            inside = ", ".join(f"{layer.name.rpartition('.')[2]}={_layer(layer)}" for layer in layers)
            yield block, f"nn.Sequential(OrderedDict({inside}))"
        else:
            yield from ((layer.name, _layer(layer)) for layer in layers)


def _layer(layer: Layer) -> str:
    if layer.kind in ("relu", "flatten"):
        return f"nn.{_TYPES[layer.kind]}()"
    if layer.kind == "norm":
        return f"nn.BatchNorm1d({layer.inputs})"
    kind = "OwnLinear" if layer.subclassed else f"nn.{_TYPES[layer.kind]}"
    arguments = [str(layer.inputs), str(layer.outputs)]
    if layer.kind.startswith("conv"):
        arguments.append(str(layer.kernel))
        unusual = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
        arguments += [f"{key}={getattr(layer, key)}" for key, usual in unusual.items() if getattr(layer, key) != usual]
    if not layer.bias and layer.kind != "embedding":
        arguments.append("bias=False")
    return f"{kind}({', '.join(arguments)})"


def inputs_code(network: Network) -> str:
    """Return the code of a function that makes a batch of inputs."""
    shape = ", ".join(map(str, network.input_shape))
    drawn = f'f"{{CELL}} {{variant}} input", (batch, {shape})'
    if network.takes_indices:
        return f"def inputs(variant, batch=3):\n    return integers({drawn}, {network.layers[0].inputs})\n"
    return f"def inputs(variant, batch=3):\n    return reals({drawn}).to(DTYPE)\n"
