"""The twin of a model that loses channels: a plain model whose channels our own code removes.

Which channels depend on which is derived from the program's network by the oracle, and never from the model.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from ...adapter.protocol import Batch
from ...oracle.channels import Groups, KeptChannels, channel_groups, kept_channels
from ...oracle.compare import array
from ...oracle.units import Mask, Reals
from ...values.network import GATES, RECURRENT, Layer, Network
from ...values.violation import presume, require
from ..twin import Twin
from .network import NORMS


class SlicedTwin(Twin):
    """A plain model, from whose layers channels are removed.

    Attributes:
        network: The dense network.
        groups: The group of each output channel, by layer name.
        gone: The groups that are removed.
        kept: By layer name, the channels that remain.
        coupled: The planned names whose channels other layers with weights lose too.
        amplified: By how much batch norms in train mode may have made rounding larger in the last backward, at least 1.

    Args:
        model: A dense model with the same weights as the sparse one had.
        network: Its network.
    """

    def __init__(self, model: nn.Module, network: Network) -> None:
        super().__init__(model, ())
        self.network = network
        self.groups: dict[str, Groups] = channel_groups(network)
        self.coupled = coupled(network, self.groups)
        self.gone: frozenset[int] = frozenset()
        self.kept: dict[str, KeptChannels] = kept_channels(network, ())
        self.amplified = 1.0

    def remove(self, groups: Iterable[int]) -> None:
        """Remove groups of channels, with all that depends on them."""
        before = self.kept
        self.gone = self.gone | frozenset(groups)
        self.kept = kept_channels(self.network, self.gone)
        for layer in self.network.layers:
            if layer.name in self.kept:
                was, now = before[layer.name], self.kept[layer.name]
                cut(self.model.get_submodule(layer.name), layer, now.outputs[was.outputs], now.inputs[was.inputs])
        self.forget_optimizer()

    def backward(self, batches: list[Batch]) -> None:
        with amplification(self.model) as amplified:
            super().backward(batches)
        self.amplified = math.prod(amplified.values())

    def outputs_of(self, layer: str, gone: Iterable[int]) -> Mask:
        """Return which output channels of the dense layer would remain, if some groups were removed."""
        return np.asarray(~np.isin(self.groups[layer], [*gone]))

    def without_inputs(self, name: str, dense: Reals, gone: Iterable[int]) -> Reals:
        """Return a planned weight in the dense shape, zero at the inputs of groups that are about to be removed."""
        layer = next(one for one in self.network.layers if one.name == self._layer(name))
        alive = self.outputs_of(self.network.sources(layer)[0], gone)
        return np.where(alive.reshape(1, -1, *(1,) * (dense.ndim - 2)), dense, 0.0)

    def write(self, name: str, values: Tensor) -> None:
        """Set the values of a parameter, which has the channels that remain."""
        self._values(name).copy_(values)

    def scored(self) -> dict[str, Reals]:
        """Return the planned weights in the dense shape, float64, zero where channels are gone."""
        return {name: self._in_dense_shape(name) for name in self.network.planned if self._layer(name) in self.kept}

    def by_unit(self, name: str, values: Reals) -> Reals:
        """Return a planned parameter with one row for each output channel; that of an LSTM has its gates last.

        Raises:
            Violation: The rows of the gates are of different numbers (`channels-differ`).
        """
        gates = next(one.gates for one in self.network.layers if one.name == self._layer(name))
        if gates == 1:
            return values
        message = f"{name} has {len(values)} rows, expected as many for each of {gates} gates"
        presume(len(values) % gates == 0, "channels-differ", message)
        return np.moveaxis(values.reshape(gates, -1, *values.shape[1:]), 0, -1)

    def _in_dense_shape(self, name: str) -> Reals:
        kept, seen = self.kept[self._layer(name)], self.by_unit(name, array(self.model.get_parameter(name)))
        dense = np.zeros((len(kept.outputs), len(kept.inputs) if seen.ndim > 1 else 1, *seen.shape[2:]))
        columns = kept.inputs if seen.ndim > 1 else np.ones(1, dtype=np.bool_)
        dense[np.ix_(kept.outputs, columns)] = seen.reshape(len(seen), -1, *seen.shape[2:])
        return dense

    def places(self, name: str) -> tuple[Mask, Mask]:
        """Return which rows and columns of a planned dense parameter remain."""
        layer = next(one for one in self.network.layers if one.name == self._layer(name))
        kept = self.kept[layer.name]
        return np.tile(kept.outputs, layer.gates), kept.inputs

    def unequal(self, names: Iterable[str], removed: int) -> int:
        """Return how many channels of planned layers go together, if a number to remove is no multiple of it; or 0."""
        sizes = [together(self.groups[self._layer(name)]) for name in names if self._layer(name) in self.groups]
        return next((size for size in sizes if removed % size), 0)

    def assert_together(self, name: str, left: Mask) -> None:
        """Assert that channels of a planned layer that go together are all left, or none of them.

        Raises:
            Violation: Some of them are left (`channels-differ`).
        """
        labels = self.groups[self._layer(name)]
        for label in {*labels[left].tolist()}:
            part = left[labels == label]
            message = f"the update of {name} keeps {part.sum()} of {len(part)} channels that go together"
            require(bool(part.all()), "channels-differ", message)

    def reported(self) -> dict[str, Mask]:
        """Return, by planned name, which output channels of the dense layer remain."""
        return {name: self.kept[self._layer(name)].outputs.copy() for name in self.network.planned
                if self._layer(name) in self.kept}

    @staticmethod
    def _layer(name: str) -> str:
        return name.rpartition(".")[0]


@contextmanager
def amplification(model: nn.Module) -> Iterator[dict[str, float]]:
    """Yield a dictionary that gets, by name of a batch norm in train mode, how much larger it makes relative rounding.

    A norm computes (x - mean) / std, where std is that of the channel within the batch, with the norm's eps. An input
    with the rounding error u * |x|, u of the order of the dtype's eps, thus gives an output of the order of 1 with the
    error u * |x| / std, and backward, which divides by the same std and multiplies by the output, a gradient with that
    relative error. What the norm itself rounds adds u: together u * (1 + max |x| / std), whatever the sizes are, which
    the tolerance of the dtype covers. The error goes on to the next norm, so that a model has the product of its norms.
    """
    found: dict[str, float] = {}
    norms = [(name, one) for name, one in model.named_modules() if isinstance(one, NORMS) and one.training]
    handles = [one.register_forward_pre_hook(partial(_note_condition, found, name)) for name, one in norms]
    try:
        yield found
    finally:
        for handle in handles:
            handle.remove()


def _note_condition(found: dict[str, float], name: str, norm: nn.Module, args: tuple[Tensor, ...]) -> None:
    rows = args[0].detach().double().transpose(0, 1).flatten(1)
    eps = float(getattr(norm, "eps"))  # noqa: B009  # of all norms
    if rows.numel():
        condition = rows.abs().amax(1) / (rows.var(1, unbiased=False) + eps).sqrt()
        found[name] = max(found.get(name, 1.0), 1 + float(condition.max()))


def cut(module: nn.Module, layer: Layer, outputs: Mask, inputs: Mask) -> None:
    """Reduce one module to some of its present outputs and inputs, in place; flags and hooks stay.

    Args:
        module: The module.
        layer: The layer of the dense network that it is.
        outputs: Which outputs remain.
        inputs: Which inputs remain.
    """
    groups = _groups_left(layer, module, inputs)
    is_depthwise = isinstance(module, _CONVOLUTIONS) and 1 < layer.groups == layer.inputs
    for name, parameter in [*module.named_parameters(recurse=False)]:
        left = _part_of_lstm(parameter.detach(), name, outputs, inputs) if layer.kind == "lstm" else \
            _part(parameter.detach(), layer, outputs, inputs, is_depthwise)
        setattr(module, name, nn.Parameter(left.clone(), parameter.requires_grad))
    if isinstance(module, nn.LSTM):
        module.input_size, module.hidden_size = int(inputs.sum()), int(outputs.sum())
    for name, buffer in [*module.named_buffers(recurse=False)]:
        if buffer.dim():
            setattr(module, name, buffer[torch.from_numpy(outputs.copy())].clone())
    _set_sizes(module, int(outputs.sum()), int(inputs.sum()), int(inputs.sum()) if is_depthwise else groups)


def _groups_left(layer: Layer, module: nn.Module, inputs: Mask) -> int:
    """Return the number of groups of a layer that have channels left.

    A group norm may lose whole groups; a convolution needs as many inputs in each of them.

    Raises:
        Violation: There are other numbers of channels in them, so that channels would change their group
            (`channels-differ`).
    """
    if layer.groups == 1 or layer.groups == layer.inputs:
        return layer.groups
    sizes = [int(part.sum()) for part in np.split(inputs, getattr(module, "num_groups", layer.groups))]
    left = [size for size in sizes if size] if layer.kind == "groupnorm" else sizes
    message = f"the update leaves {sizes} channels in the groups of {layer.name}, expected equally many in each"
    require(len({*left}) == 1, "channels-differ", message)
    return len(left)


def _part(values: Tensor, layer: Layer, outputs: Mask, inputs: Mask, is_depthwise: bool) -> Tensor:
    """Return the entries of a parameter that belong to some of its layer's outputs and inputs."""
    rows, columns = torch.from_numpy(outputs.copy()), torch.from_numpy(inputs.copy())
    if values.dim() == 1 or is_depthwise:
        return values[rows]
    if layer.is_transposed:
        return values[columns][:, rows]
    of_group = zip(values.tensor_split(layer.groups), columns.tensor_split(layer.groups), strict=True)
    return torch.cat([part[:, own] for part, own in of_group])[rows]


def _part_of_lstm(values: Tensor, name: str, units: Mask, inputs: Mask) -> Tensor:
    """Return the entries of a parameter of an LSTM that belong to some of its units and inputs."""
    rows = values[torch.from_numpy(np.tile(units, GATES))]
    columns = {"inputs": inputs, "outputs": units}.get(RECURRENT[name])
    return rows if columns is None else rows[:, torch.from_numpy(columns.copy())]


_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose1d, nn.ConvTranspose2d)


def _set_sizes(module: nn.Module, outputs: int, inputs: int, groups: int) -> None:
    if isinstance(module, nn.Linear):
        module.in_features, module.out_features = inputs, outputs
    elif isinstance(module, _CONVOLUTIONS):
        module.in_channels, module.out_channels, module.groups = inputs, outputs, groups
    elif isinstance(module, NORMS):
        module.num_features = outputs
    elif isinstance(module, nn.LayerNorm):
        module.normalized_shape = (outputs,)
    elif isinstance(module, nn.GroupNorm):
        module.num_channels, module.num_groups = outputs, groups


def together(labels: Iterable[int]) -> int:
    """Return how many channels have one label; where labels have different numbers of them, the smallest."""
    counts = Counter(map(int, labels)).values()
    return min(counts, default=1)


def coupled(network: Network, groups: Mapping[str, Groups]) -> frozenset[str]:
    """Return the planned names whose channels are also the outputs of another layer with weights, or go together.

    How such channels are scored together, no clause of the contract says.
    """
    owners = {layer.name: {*groups[layer.name].tolist()} for layer in network.layers if layer.has_weight}
    gated = {layer.weight for layer in network.layers if layer.gates > 1}
    grouped = {f"the inputs of {layer.name}": {*groups[network.sources(layer)[0]].tolist()} for layer in network.layers
               if 1 < layer.groups < layer.inputs}
    def is_coupled(name: str, layer: str) -> bool:
        own = {*map(int, groups.get(layer, ()))}
        shared = any(own & others for other, others in (owners | grouped).items() if other != layer)
        return name in gated or together(groups.get(layer, ())) > 1 or (layer in owners and shared)

    return frozenset(name for name in network.planned if is_coupled(name, name.rpartition(".")[0]))
