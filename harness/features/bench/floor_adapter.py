"""The floor: a hand-written masking sparsifier that does the least possible work, for comparison.

Its forward is one out-of-place multiplication plus the layer, its update one selection pass (`numpy.partition`), and
its saved state is the state dict. No sparsifier need be as fast; its ratio to the floor shows its overhead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ...adapter.holders import split_name
from ...adapter.protocol import Adapter, Context, Saved, Sparsified
from ...values.contract import Contract
from ...values.pattern import Band, Block, Channel, Given, NofM, Pattern, Unstructured
from ...values.plan import Plan

Floats = NDArray[np.floating[Any]]


class Masked(nn.Module):
    """A layer whose weight is multiplied by a mask of the same dtype."""

    mask: Tensor

    def __init__(self, layer: nn.Linear | nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias, self.layer = layer.weight, layer.bias, (layer,)
        self.register_buffer("mask", torch.ones_like(layer.weight))

    def forward(self, inputs: Tensor) -> Tensor:
        weight = self.weight * self.mask
        layer = self.layer[0]
        if isinstance(layer, nn.Linear):
            return functional.linear(inputs, weight, self.bias)
        window: tuple[Any, ...] = (layer.stride, layer.padding, layer.dilation, layer.groups)
        return functional.conv2d(inputs, weight, self.bias, *window)


class Floor(Sparsified):
    """The floor attached to one model, whose planned layers it has replaced."""

    def __init__(self, model: nn.Module, plan: Plan) -> None:
        super().__init__(model, plan)
        self.layers = {name: self._put(name, Masked(self._layer(name))) for name in plan.names}

    def _layer(self, name: str) -> Any:
        return self.model.get_submodule(split_name(name)[0])

    def _put(self, name: str, layer: Any) -> Any:
        path, _, attribute = split_name(name)[0].rpartition(".")
        setattr(self.model.get_submodule(path), attribute, layer)
        return layer

    def update(self, level: float | None = None) -> None:
        plan = self.plan if level is None else self.plan.at_level(level)
        for name, pattern in plan.patterns.items():
            layer = self.layers[name]
            kept = _KEPT[type(pattern)](pattern, layer.weight.detach().cpu().numpy())
            layer.mask.copy_(torch.from_numpy(kept))

    def masks(self) -> dict[str, Tensor]:
        return {name: layer.mask != 0 for name, layer in self.layers.items()}

    def finalize(self) -> nn.Module:
        with torch.no_grad():
            for name, layer in self.layers.items():
                layer.weight.mul_(layer.mask)
                self._put(name, layer.layer[0])
        return self.model


class FloorAdapter(Adapter):
    """The adapter of the floor; supports every pattern that is timed."""

    distribution = "sparsecheck"
    supported = "linear conv2d float32 cpu accelerator restore given unstructured block n_of_m channel band"
    contract: Contract = Contract(
        holds="wrapper", rounding="half-even", level_basis="dense", score="magnitude-l1", masks_at="update",
        regrowth="free", mask_storage="model", restores_into="attached", ragged="refuse", ties="any",
    )

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        return Floor(model, plan)

    def restore(self, dense_model: nn.Module, plan: Plan, saved: Saved, context: Context) -> Sparsified:
        restored = Floor(dense_model, plan)
        restored.model.load_state_dict(saved.model)
        return restored


def _largest(scores: Floats, level: float) -> NDArray[np.bool_]:
    """Return where the scores kept at `level` are, in one selection pass."""
    removed = round(level * scores.size)
    if removed == 0:
        return np.ones_like(scores, dtype=np.bool_)
    threshold: Any = np.partition(scores, removed - 1, axis=None)[removed - 1]
    return np.asarray(scores > threshold)


def _unstructured(pattern: Unstructured, weight: Floats) -> NDArray[np.bool_]:
    return _largest(np.abs(weight), pattern.level)


def _block(pattern: Block, weight: Floats) -> NDArray[np.bool_]:
    (rows, columns), (height, width) = weight.shape, pattern.shape
    blocks = np.abs(weight).reshape(rows // height, height, columns // width, width)
    kept = _largest(blocks.sum(axis=(1, 3)), pattern.level)
    return np.broadcast_to(kept[:, None, :, None], blocks.shape).reshape(weight.shape)


def _n_of_m(pattern: NofM, weight: Floats) -> NDArray[np.bool_]:
    groups = np.abs(weight).reshape(-1, pattern.m)
    last = pattern.m - pattern.n
    threshold = np.partition(groups, last, axis=1)[:, last, None]
    return (groups >= threshold).reshape(weight.shape)


def _channel(pattern: Channel, weight: Floats) -> NDArray[np.bool_]:
    others = tuple(axis for axis in range(weight.ndim) if axis != pattern.dim)
    kept = _largest(np.abs(weight).sum(axis=others), pattern.level)
    return np.broadcast_to(np.expand_dims(kept, others), weight.shape).copy()


def _band(pattern: Band, weight: Floats) -> NDArray[np.bool_]:
    reach = pattern.width // 2
    distance: NDArray[np.int64] = np.subtract.outer(*(np.arange(size) for size in weight.shape))
    return np.asarray(np.abs(distance) <= reach)


def _given(pattern: Given, weight: Floats) -> NDArray[np.bool_]:
    return pattern.mask


_KEPT: dict[type[Pattern], Callable[[Any, Floats], NDArray[np.bool_]]] = {
    Unstructured: _unstructured, Block: _block, NofM: _n_of_m, Channel: _channel, Band: _band, Given: _given,
}
