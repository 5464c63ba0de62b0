"""Base classes for the three common ways to hold a mask."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ..values.plan import Plan
from .protocol import Sparsified


def split_name(name: str) -> tuple[str, str]:
    """Module path and attribute of a fully qualified parameter name: `block.layer1`, `weight`."""
    path, _, attribute = name.rpartition(".")
    return path, attribute


def place(model: nn.Module, name: str) -> tuple[nn.Module, str]:
    """The module that holds a parameter, and under which attribute.

    Raises:
        AttributeError: the model has nothing of that name.
    """
    path, attribute = split_name(name)
    module = model.get_submodule(path)
    getattr(module, attribute)
    return module, attribute


class ParametrizedSparsified(Sparsified):
    """The mask sits in a `torch.nn.utils.parametrize` parametrization, in its attribute `mask_name`."""

    mask_name = "mask"

    def masks(self) -> dict[str, Tensor]:
        return {name: self.mask_tensor(name).detach() != 0 for name in self.plan.names}

    def mask_tensor(self, name: str) -> Tensor:
        """The mask as it is held, of whatever dtype; of the last parametrization that has one.

        Raises:
            LookupError: the parameter has no parametrization with a mask.
        """
        for parametrization in reversed(list(self.parametrizations(name))):
            mask = getattr(parametrization, self.mask_name, None)
            if isinstance(mask, Tensor):
                return mask
        raise LookupError(f"{name} has no parametrization with a {self.mask_name}")

    def parametrizations(self, name: str) -> Iterator[nn.Module]:
        """The parametrizations of one parameter, in the order they apply; none if it is not parametrized."""
        path, attribute = split_name(name)
        module = self.model.get_submodule(path)
        if parametrize.is_parametrized(module, attribute):
            yield from getattr(module.parametrizations, attribute)

    def finalize(self) -> nn.Module:
        for name in self.plan.names:
            path, attribute = split_name(name)
            parametrize.remove_parametrizations(self.model.get_submodule(path), attribute)
        return self.model


class BufferSparsified(Sparsified):
    """The mask sits in a buffer `<name>_mask`, the dense weight in `<name>_orig`, and a forward
    pre-hook of type `hook_type` sets `<name>` to their product.

    hook_type: what `finalize` takes away again; given, or an attribute of the subclass; one that defines `finalize`
        itself needs none.
    """

    hook_type: type | None = None

    def __init__(
        self, model: nn.Module, plan: Plan, recompute: Callable[[float | None], object] | None = None,
        hook_type: type | None = None,
    ) -> None:
        super().__init__(model, plan, recompute)
        self.hook_type = hook_type or self.hook_type

    def masks(self) -> dict[str, Tensor]:
        return {name: self.model.get_buffer(f"{name}_mask").detach() != 0 for name in self.plan.names}

    def finalize(self) -> nn.Module:
        """Raises:
        TypeError: `hook_type` is not said.
        """
        if self.hook_type is None:
            raise TypeError(
                f"{type(self).__name__} does not know which forward pre-hook multiplies by the mask, for finalize to "
                "take away: give hook_type, the class of the hook, or define finalize"
            )
        for name in self.plan.names:
            self._make_plain(name, self.hook_type)
        return self.model

    def _make_plain(self, name: str, hook_type: type) -> None:
        path, attribute = split_name(name)
        module = self.model.get_submodule(path)
        parameter = module._parameters.pop(f"{attribute}_orig")
        mask = module._buffers.pop(f"{attribute}_mask")
        assert parameter is not None
        assert mask is not None
        parameter.data = torch.where(mask != 0, parameter.data, torch.zeros_like(parameter.data))
        vars(module).pop(attribute, None)
        module.register_parameter(attribute, parameter)
        for key, hook in list(module._forward_pre_hooks.items()):
            if isinstance(hook, hook_type):
                del module._forward_pre_hooks[key]


class InPlaceSparsified(Sparsified):
    """The zeros sit in the parameters themselves; the masks in `kept`, set by `update`; after each
    optimizer step the removed entries are set to zero again."""

    def __init__(
        self, model: nn.Module, plan: Plan, recompute: Callable[[float | None], object] | None = None
    ) -> None:
        super().__init__(model, plan, recompute)
        self.kept: dict[str, Tensor] = {
            name: torch.ones_like(model.get_parameter(name), dtype=torch.bool) for name in plan.names
        }

    def masks(self) -> dict[str, Tensor]:
        return {name: kept.to(self.model.get_parameter(name).device) for name, kept in self.kept.items()}

    def enforce(self) -> None:
        """Set every removed entry to zero."""
        with torch.no_grad():
            for name, kept in self.masks().items():
                self.model.get_parameter(name).masked_fill_(~kept, 0)

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        optimizer.step()
        self.enforce()

    def sidecar(self) -> dict[str, Tensor]:
        return {name: kept.clone() for name, kept in self.kept.items()}

    def load_sidecar(self, sidecar: dict[str, Tensor]) -> None:
        """Raises:
        ValueError: a mask has another shape than its parameter.
        """
        for name, kept in sidecar.items():
            shape = self.model.get_parameter(name).shape
            if kept.shape != shape:
                raise ValueError(f"{name} has shape {tuple(shape)}, its saved mask {tuple(kept.shape)}")
        self.kept = {name: kept.clone() for name, kept in sidecar.items()}
        self.enforce()

    def finalize(self) -> nn.Module:
        return self.model
