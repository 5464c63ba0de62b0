"""The twin: a plain dense model with its own account of the masks, stepped beside the sparse model."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..adapter.protocol import Batch
from ..oracle.compare import array
from ..oracle.units import Mask, Reals
from ..values.program import OptimizerKind

OPTIMIZERS: dict[OptimizerKind, Callable[..., torch.optim.Optimizer]] = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.1, momentum=0.9),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=1e-2, eps=1e-3),
    "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=1e-2, eps=1e-3, weight_decay=0.1),
}
"""The optimizers. A larger `eps` than usual keeps Adam from dividing noise by noise, where a gradient is zero but for
rounding (the bias of the keys of attention)."""


class Twin:
    """A dense model whose planned parameters hold masked values, and the dense values beside them.

    Attributes:
        model: The plain model. Its planned parameters are zero where a mask removes.
        dense: The dense values of the planned parameters.
        masks: The masks in force, True where kept.
        stayed: Per planned parameter, the entries that were never removed since the optimizer was made.
        optimizer: The optimizer, once a step has trained.

    Args:
        model: A dense model with the same weights as the sparse one had.
        planned: The planned names.
    """

    def __init__(self, model: nn.Module, planned: tuple[str, ...]) -> None:
        self.model = model
        self.planned = planned
        self.optimizer: torch.optim.Optimizer | None = None
        self.dense = {name: self._values(name).clone() for name in planned}
        self.masks = {name: torch.ones_like(one, dtype=torch.bool) for name, one in self.dense.items()}
        self.stayed = dict(self.masks)

    def _values(self, name: str) -> Tensor:
        return self.model.get_parameter(name).detach()

    def versions(self) -> tuple[object, ...]:
        """Return a value that changes with the tensors of the model and with the modes of its modules."""
        tensors = (*self.model.parameters(), *self.model.buffers())
        return *((id(one), one._version) for one in tensors), *(one.training for one in self.model.modules())

    def write(self, name: str, values: Tensor) -> None:
        """Set the dense values of a planned parameter."""
        self.dense[name] = values.detach().clone()
        self._put(name)

    def set_masks(self, masks: Mapping[str, Mask]) -> None:
        """Put new masks in force."""
        for name in self.planned:
            mask = torch.from_numpy(masks[name].copy()).to(self.dense[name].device)
            self.masks[name] = mask
            self.stayed[name] = self.stayed[name] & mask
            self._put(name)

    def _put(self, name: str) -> None:
        self._values(name).copy_(self.dense[name].masked_fill(~self.masks[name], 0))

    def finalize(self) -> None:
        """Make the masked values the only ones, and remove the masks."""
        self.dense = {name: self._values(name).clone() for name in self.planned}
        self.masks = {name: torch.ones_like(one, dtype=torch.bool) for name, one in self.dense.items()}

    def forget_optimizer(self) -> None:
        """Let the next training step make a new optimizer, as for other parameters, which have no gradients."""
        self.optimizer = None
        self.model.zero_grad(set_to_none=True)
        self.stayed = dict(self.masks)

    def has_stale_state(self) -> bool:
        """Return whether the optimizer has moments in another dtype than the parameters have now."""
        if self.optimizer is None:
            return False
        return any(
            isinstance(value, Tensor) and value.dim() and value.dtype != parameter.dtype
            for parameter, state in self.optimizer.state.items() for value in state.values()
        )

    def backward(self, batches: list[Batch]) -> None:
        """Compute the gradients of a loss summed over batches; removed entries get none."""
        loss(self.model, batches).backward()
        self._mask_gradients()

    def _mask_gradients(self) -> None:
        for name in self.planned:
            if (gradient := self.model.get_parameter(name).grad) is not None:
                gradient.masked_fill_(~self.masks[name], 0)

    def train(self, batches: list[Batch], kind: OptimizerKind) -> None:
        """Take one optimizer step per batch, on the dense values."""
        if self.optimizer is None:
            self.optimizer = OPTIMIZERS[kind](self.model.parameters())
        for inputs, target in batches:
            self.optimizer.zero_grad()
            functional.mse_loss(self.model(inputs), target).backward()
            self._mask_gradients()
            self._step()

    def _step(self) -> None:
        assert self.optimizer is not None
        for name in self.planned:
            self._values(name).copy_(self.dense[name])
        self.optimizer.step()
        for name in self.planned:
            self.dense[name] = self._values(name).clone()
            self._put(name)

    def to(self, dtype: torch.dtype) -> None:
        """Convert the model and the dense values."""
        self.model.to(dtype)
        self.dense = {name: one.to(dtype) for name, one in self.dense.items()}

    def scored(self) -> dict[str, Reals]:
        """Return the dense values of the planned parameters, float64."""
        return {name: array(one).copy() for name, one in self.dense.items()}

    def reported(self) -> dict[str, Mask]:
        """Return the masks in force as NumPy booleans."""
        return {name: array(one) for name, one in self.masks.items()}


def loss(model: nn.Module, batches: list[Batch]) -> Tensor:
    """Return the loss of a model, summed over batches."""
    outputs = [functional.mse_loss(model(inputs), target) for inputs, target in batches]
    return torch.stack(outputs).sum()
