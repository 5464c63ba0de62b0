"""Match the parameters of a pruned model to slices of the dense ones, by shapes and entries."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import nn

from ..oracle import channels
from ..oracle.compare import array
from ..oracle.units import Mask, Reals
from ..values.network import Network
from ..values.violation import presume
from . import models


def remaining_masks(model: nn.Module, network: Network, dense: Mapping[str, Reals]) -> dict[str, Mask]:
    """Return, by planned name, which entries of the dense weight lie in an output channel that remains.

    Args:
        model: The pruned model.
        network: The dense network.
        dense: The dense parameters by name, float64.

    Returns:
        Booleans of the dense shapes.

    Raises:
        Violation: A parameter is missing (`tensor-missing`).
    """
    return {name: _left_of(read_tensor(model, name), dense[name]) for name in network.planned}


def _left_of(seen: Reals, dense: Reals) -> Mask:
    known = channels.match_channels(dense, seen).outputs if seen.size else ()
    outputs = np.isin(np.arange(len(dense)), known)
    return np.broadcast_to(outputs.reshape(-1, *(1,) * (dense.ndim - 1)), dense.shape)


def read_tensor(model: nn.Module, name: str) -> Reals:
    """Return a parameter or buffer by name, float64.

    Raises:
        Violation: There is none (`tensor-missing`).
    """
    found = read_tensors(model)
    presume(name in found, "tensor-missing", f"the model has no tensor {name}; it has {', '.join(found)}")
    return found[name]


def read_tensors(model: nn.Module) -> dict[str, Reals]:
    """Return all parameters and statistics of a model, float64, by the names in its state dict."""
    buffers = {name: array(buffer).copy() for name, buffer in model.named_buffers() if buffer.dim()}
    return models.parameters(model) | buffers
