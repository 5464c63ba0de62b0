"""The dependencies between the channels of a model, found with torch.fx."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional

from .exemplar import Refused

PLANNED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.LSTM)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d)
WEIGHTED = (*PLANNED, *TRANSPOSED)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)

FIXED = -1
"""The label of the model's own inputs, which cannot be removed."""

_ADDS = (operator.add, operator.iadd, torch.add, "add", "add_")
_JOINS = (torch.cat, torch.concat)
_FLATTENS = (torch.flatten, "flatten", nn.Flatten)
_UNFLATTENS = (torch.unflatten, "unflatten", nn.Unflatten)
_ATTENDS = (functional.scaled_dot_product_attention,)
_PASSES: tuple[object, ...] = (
    torch.relu, functional.relu, functional.gelu, functional.silu, functional.dropout, torch.sigmoid, torch.tanh,
    functional.max_pool1d, functional.max_pool2d, functional.avg_pool1d, functional.avg_pool2d,
    functional.adaptive_avg_pool1d, functional.adaptive_avg_pool2d, "relu", "sigmoid", "tanh", "contiguous", "clone",
)
"""Functions and names of methods that keep channels apart and in their order."""
_OF_TORCH = ("activation", "pooling", "dropout", "linear", "upsampling")
_MIXES = (nn.MultiheadAttention, nn.Softmax, nn.Softmax2d, nn.LogSoftmax, nn.Softmin, nn.GLU, nn.Bilinear)
"""Modules of torch that keep no channels apart, although their neighbours do."""


class Dependencies:
    """The dependencies between channels: those with one label are removed together.

    Attributes:
        gives: By module name, the label of each output channel.
        takes: By module name, the label of each input channel.

    Raises:
        Refused: The model runs a layer twice, or something whose channels are not understood.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._given: dict[fx.Node, list[int]] = {}
        self._spatial = set[fx.Node]()
        self._width: dict[fx.Node, int] = {}
        self._same: dict[int, int] = {}
        self._count = 0
        gives, takes = dict[str, list[int]](), dict[str, list[int]]()
        for node in fx.symbolic_trace(model).graph.nodes:
            self._given[node] = self._follow(node, gives, takes)
            if self._is_spatial(node):
                self._spatial.add(node)
        self.gives = {name: [self._resolved(one) for one in labels] for name, labels in gives.items()}
        self.takes = {name: [self._resolved(one) for one in labels] for name, labels in takes.items()}
        for nodes in (self._given, self._spatial, self._width):
            nodes.clear()  # which cannot be pickled

    def _follow(self, node: fx.Node, gives: dict[str, list[int]], takes: dict[str, list[int]]) -> list[int]:
        taken = [self._given[source] for source in node.all_input_nodes]
        if node.op == "placeholder":
            return []
        if node.op == "output":
            return taken[0]
        if node.op != "call_module":
            return self._of_function(node, taken)
        name, module = str(node.target), self._model.get_submodule(str(node.target))
        _check_layer(name, module, name in takes)
        self._check_place(name, module, node)
        if isinstance(module, (nn.PixelShuffle, nn.PixelUnshuffle, nn.Flatten, nn.Unflatten)):
            return self._of_reshape(node, module, taken[0])
        if groups_of(module) > 1 and not is_depthwise(module):
            self._couple(taken[0], groups_of(module))
        if isinstance(module, WEIGHTED):
            takes[name], gives[name] = self._of_weighted(module, taken[0])
            return gives[name]
        if isinstance(module, NORMS):
            takes[name] = gives[name] = taken[0]
        return taken[0]

    # ------------------------------------------------------------- functions

    def _of_function(self, node: fx.Node, taken: list[list[int]]) -> list[int]:
        """Return the labels of what a function or a method gives."""
        for targets, follow in (
            (_ADDS, self._of_sum), (_JOINS, self._of_join), (_ATTENDS, self._of_attention),
        ):
            if node.target in targets:
                return follow(node, taken)
        if node.target == "transpose" and node.all_input_nodes[0] in self._width:
            self._keep_width(node)
            return taken[0]
        if node.target is operator.getitem and self._is_output_of_lstm(node):
            return taken[0]
        if node.target in (*_FLATTENS, *_UNFLATTENS):
            return self._of_reshape(node, None, taken[0])
        if node.target in _PASSES and taken and node.all_input_nodes[0] not in self._width:
            return taken[0]
        raise Refused(f"{node.name}: the channels of {_named(node.target)} are not understood")

    def _is_output_of_lstm(self, node: fx.Node) -> bool:
        source, place = node.args
        if not isinstance(source, fx.Node) or source.op != "call_module" or place != 0:
            return False
        return isinstance(self._model.get_submodule(str(source.target)), nn.LSTM)

    def _keep_width(self, node: fx.Node) -> None:
        source = node.all_input_nodes[0]
        if source in self._width:
            self._width[node] = self._width[source]

    def _of_sum(self, node: fx.Node, taken: list[list[int]]) -> list[int]:
        [one, other] = (taken * 2)[:2]  # a number that is added has no labels
        if (one and other and len(one) != len(other)) or any(source in self._width for source in node.all_input_nodes):
            raise Refused(f"{node.name}: a sum of {len(one)} and {len(other)} channels is not understood")
        self._unite(one or [FIXED] * len(other), other or [FIXED] * len(one))
        return one or other

    def _of_join(self, node: fx.Node, taken: list[list[int]]) -> list[int]:
        if not all(taken):
            raise Refused(f"{node.name}: how many channels the model's inputs have is not known here")
        return [label for labels in taken for label in labels]

    def _of_attention(self, node: fx.Node, taken: list[list[int]]) -> list[int]:
        """Give each head's queries, keys and values one label; they have one label per head."""
        if len(taken) != 3 or any(source not in self._width for source in node.all_input_nodes):
            raise Refused(f"{node.name}: attention is understood of queries, keys and values in heads alone")
        self._unite(taken[0], taken[1])
        self._unite(taken[0], taken[2])
        self._keep_width(node)
        return taken[0]

    def _of_reshape(self, node: fx.Node, module: nn.Module | None, taken: list[int]) -> list[int]:
        """Return the labels of what a view of channels gives, of which several may have become one, or one several."""
        source = node.all_input_nodes[0]
        if isinstance(module, (nn.PixelShuffle, nn.PixelUnshuffle)):
            size = int(getattr(module, "upscale_factor", 0) or getattr(module, "downscale_factor", 0)) ** 2
            return self._parted(taken, size) if isinstance(module, nn.PixelShuffle) else _repeated(taken, size)
        if module is None and node.target in _UNFLATTENS:
            sizes = node.args[2]
            if not isinstance(sizes, tuple) or sizes[0] != -1 or not all(isinstance(one, int) for one in sizes):
                raise Refused(f"{node.name}: an unflatten to {sizes} is not understood, whose first size is not -1")
            width = 1
            for one in sizes[1:]:
                width *= int(str(one))
            if source not in self._spatial and len(sizes) == 2:
                self._width[node] = width
            return self._parted(taken, width)
        if isinstance(module, nn.Unflatten):
            raise Refused(f"{node.target}: an Unflatten module has a fixed number of channels, and stays as it is")
        first = node.kwargs.get("start_dim", node.args[1] if len(node.args) > 1 else getattr(module, "start_dim", 0))
        if first != (2 if source in self._width else 1):
            raise Refused(f"{node.name}: a flatten from dimension {first} is not understood")
        return _repeated(taken, self._width.get(source, 1))

    def _parted(self, labels: list[int], size: int) -> list[int]:
        """Give every `size` neighbouring channels one label, and return those."""
        if len(labels) % size:
            raise Refused(f"{len(labels)} channels are no multiple of {size}")
        for at in range(1, size):
            self._unite(labels[::size], labels[at::size])
        return labels[::size]

    # ------------------------------------------------------------- layers

    def _is_spatial(self, node: fx.Node) -> bool:
        """Return whether the channels of a node are not its last dimension."""
        module = self._model.get_submodule(str(node.target)) if node.op == "call_module" else None
        if isinstance(module, (nn.Linear, nn.LSTM, nn.Flatten)) or node.target in _FLATTENS:
            return False
        return isinstance(module, (nn.Conv1d, nn.Conv2d)) or any(one in self._spatial for one in node.all_input_nodes)

    def _check_place(self, name: str, module: nn.Module, node: fx.Node) -> None:
        """Refuse a layer that takes another dimension than that of the channels."""
        is_over_others = any(one in self._spatial for one in node.all_input_nodes)
        is_over_more = isinstance(module, nn.LayerNorm) and len(module.normalized_shape) > 1
        if (isinstance(module, (nn.Linear, nn.LayerNorm, nn.LSTM)) and is_over_others) or is_over_more:
            kind = type(module).__name__
            raise Refused(f"{name}: a {kind} over other dimensions than the channels is not understood")
        if any(one in self._width for one in node.all_input_nodes):
            raise Refused(f"{name}: a {type(module).__name__} of attention heads is not understood")

    def _couple(self, labels: list[int], groups: int) -> None:
        """Give the channels at the same place in each group one label, so that groups stay equally large."""
        size = len(labels) // groups
        for number in range(1, groups):
            self._unite(labels[:size], labels[number * size:(number + 1) * size])

    def _of_weighted(self, module: nn.Module, taken: list[int]) -> tuple[list[int], list[int]]:
        inputs, outputs = sizes_of(module)
        repeated = _repeated(taken, inputs // len(taken)) if taken else [FIXED] * inputs
        if is_depthwise(module):
            return repeated, repeated
        self._count += outputs
        return repeated, list(range(self._count - outputs, self._count))

    # ------------------------------------------------------------- labels

    def _unite(self, one: list[int], other: list[int]) -> None:
        """Give each channel of one side and its counterpart one label."""
        for first, second in zip(one, other, strict=True):
            low, high = sorted((self._resolved(first), self._resolved(second)))
            if low != high:
                self._same[high] = low

    def _resolved(self, label: int) -> int:
        while self._same.get(label, label) != label:
            label = self._same[label]
        return label


def _repeated(labels: list[int], times: int) -> list[int]:
    return [label for label in labels for _ in range(times)]


def _named(target: Any) -> str:
    name: str = target if isinstance(target, str) else getattr(target, "__name__", repr(target))
    return name


def _check_layer(name: str, module: nn.Module, is_known: bool) -> None:
    """Refuse a layer that the model runs again, or whose channels are not understood."""
    if is_known:
        raise Refused(f"{name}: the model runs this layer twice, and its channels cannot be followed")
    groups, inputs = groups_of(module), getattr(module, "in_channels", 1)
    if groups > 1 and (isinstance(module, TRANSPOSED) or groups == inputs != getattr(module, "out_channels", inputs)):
        raise Refused(f"{name}: a {type(module).__name__} of {groups} groups of {inputs // groups} is not understood")
    if isinstance(module, nn.LSTM) and (module.num_layers > 1 or module.bidirectional or module.proj_size):
        raise Refused(f"{name}: of an LSTM, one layer of one direction without projection is understood")
    if not (isinstance(module, (*WEIGHTED, *NORMS, nn.Embedding)) or _is_neutral(module)):
        raise Refused(f"{name}: the channels of {type(module).__name__} are not understood")


def _is_neutral(module: nn.Module) -> bool:
    """Return whether a module of torch keeps channels apart and in their order, or is followed by itself."""
    if isinstance(module, (nn.PixelShuffle, nn.PixelUnshuffle, nn.Flatten, nn.Unflatten)):
        return True
    place, _, kind = type(module).__module__.rpartition(".")
    is_known = place == "torch.nn.modules" and kind in _OF_TORCH and not isinstance(module, _MIXES)
    return is_known and not any(True for _ in module.parameters())


def groups_of(module: nn.Module) -> int:
    """Return the number of groups of a convolution or a group norm."""
    return int(getattr(module, "groups", getattr(module, "num_groups", 1)))


def is_depthwise(module: nn.Module) -> bool:
    """Return whether a convolution has a group for every input."""
    return getattr(module, "groups", 1) > 1 and module.groups == module.in_channels


def sizes_of(module: nn.Module) -> tuple[int, int]:
    """Return the numbers of inputs and outputs."""
    if isinstance(module, nn.Linear):
        return module.in_features, module.out_features
    if isinstance(module, nn.LSTM):
        return module.input_size, module.hidden_size
    assert isinstance(module, (nn.Conv1d, nn.Conv2d, *TRANSPOSED))
    return module.in_channels, module.out_channels
