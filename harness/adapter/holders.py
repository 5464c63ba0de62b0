"""Base classes for the three common places of a mask: a parametrization, a buffer, the parameter itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ..values.plan import Plan
from .protocol import Sparsified


def split_name(name: str) -> tuple[str, str]:
    """Split a fully qualified parameter name into module path and attribute: `block.layer1`, `weight`."""
    path, _, attribute = name.rpartition(".")
    return path, attribute


def place(model: nn.Module, name: str) -> tuple[nn.Module, str]:
    """Return the module that holds a parameter, and the attribute's name.

    Raises:
        AttributeError: The model has nothing of that name.
    """
    path, attribute = split_name(name)
    module = model.get_submodule(path)
    if not hasattr(module, attribute):
        raise AttributeError(f"{name}: {type(module).__name__} has no attribute {attribute!r}")
    return module, attribute


class ParametrizedSparsified(Sparsified):
    """The mask is the attribute `mask_name` of a `torch.nn.utils.parametrize` parametrization.

    Args:
        model: The model.
        plan: The plan.
        recompute: Your package's function that computes the masks anew.
        finish: Your package's function that turns the sparse weights into plain parameters; without it, `finalize`
            calls `torch.nn.utils.parametrize.remove_parametrizations` for each.
    """

    mask_name = "mask"
    _finish: Callable[[], object] | None = None

    def __init__(
        self, model: nn.Module, plan: Plan, recompute: Callable[[float | None], object] | None = None,
        finish: Callable[[], object] | None = None,
    ) -> None:
        super().__init__(model, plan, recompute)
        self._finish = finish

    def masks(self) -> dict[str, Tensor]:
        return {name: self.mask_tensor(name).detach() != 0 for name in self.plan.names}

    def mask_tensor(self, name: str) -> Tensor:
        """Return the mask as stored, of any dtype, from the last parametrization that has one.

        Raises:
            LookupError: The parameter has no parametrization with a mask.
        """
        for parametrization in reversed(list(self.parametrizations(name))):
            mask = getattr(parametrization, self.mask_name, None)
            if isinstance(mask, Tensor):
                return mask
        raise LookupError(f"{name} has no parametrization with a {self.mask_name}")

    def parametrizations(self, name: str) -> Iterator[nn.Module]:
        """Yield the parametrizations of a parameter in the order in which they apply, if there are any."""
        path, attribute = split_name(name)
        module = self.model.get_submodule(path)
        if parametrize.is_parametrized(module, attribute):
            yield from getattr(module.parametrizations, attribute)

    def finalize(self) -> nn.Module:
        if self._finish is not None:
            self._finish()
            return self.model
        for name in self.plan.names:
            path, attribute = split_name(name)
            parametrize.remove_parametrizations(self.model.get_submodule(path), attribute)
        return self.model


class BufferSparsified(Sparsified):
    """The mask is a buffer `<name>_mask`, and the dense weight is `<name>_orig`.

    A forward pre-hook of type `hook_type` sets `<name>` to their product.

    Attributes:
        hook_type: The hook's class, which `finalize` removes; an argument, or an attribute of the subclass. A subclass
            that defines `finalize` itself needs none.
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
        """Multiply the masks into plain parameters, and remove masks and hooks.

        Raises:
            TypeError: There is no `hook_type`.
        """
        if self.hook_type is None:
            raise TypeError(
                f"{type(self).__name__} does not know which forward pre-hook finalize must remove: give hook_type, the "
                "class of the hook that multiplies by the mask, or define finalize"
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
    """The zeros are in the parameters themselves, and the masks in `kept`, which `update` sets.

    Setting entries to zero is your package's work: this class does it neither after a step of the optimizer nor when it
    loads. If users of your package must call it after each step, override `step`, and declare `rezeroed_by="user"`.
    """

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
        """Set every removed entry to zero, in the place of a package that does so by a call of its own."""
        with torch.no_grad():
            for name, kept in self.masks().items():
                self.model.get_parameter(name).masked_fill_(~kept, 0)

    def sidecar(self) -> dict[str, Tensor]:
        return {name: kept.clone() for name, kept in self.kept.items()}

    def load_sidecar(self, sidecar: dict[str, Tensor]) -> None:
        """Load the masks.

        Raises:
            ValueError: A mask has another shape than its parameter.
        """
        for name, kept in sidecar.items():
            shape = self.model.get_parameter(name).shape
            if kept.shape != shape:
                raise ValueError(f"{name} has shape {tuple(shape)}, its saved mask {tuple(kept.shape)}")
        self.kept = {name: kept.clone() for name, kept in sidecar.items()}

    def finalize(self) -> nn.Module:
        return self.model
