"""Find what a sparse model has in place of the dense model's modules and parameters."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from ..adapter.holders import split_name
from ..trials.modules import dense_weights
from ..values.contract import Holds
from ..values.violation import Violation

_NAMED = ("parametrization", "buffer", "in place", "forward")
"""The ways of holding a mask under which a parameter of the sparse model holds the dense weight."""


def find_module(model: nn.Module, name: str) -> nn.Module | None:
    """Return the module of that name, under a wrapper too; None if there is none."""
    try:
        return model.get_submodule(name)
    except AttributeError:
        pass
    below = [module for path, module in model.named_modules(remove_duplicate=False) if path.endswith(f".{name}")]
    return below[0] if len(below) == 1 else None


def find_parameter(model: nn.Module, name: str) -> nn.Parameter | None:
    """Return the parameter of that name, under a wrapper too; None if there is none."""
    path, attribute = split_name(name)
    module = find_module(model, path)
    found = None if module is None else module._parameters.get(attribute)
    return found if isinstance(found, nn.Parameter) else None


def dense_place(
    model: nn.Module, name: str, holds: Holds, before: Mapping[str, nn.Parameter]
) -> nn.Parameter | None:
    """Return the parameter that training changes for a planned one, or None if no place is known.

    Args:
        model: The sparse model.
        name: The planned name.
        holds: The declared way of holding a mask.
        before: The parameters of the model that was attached to.

    Raises:
        Violation: There is no parameter in the declared place (`dense-weight-missing`).
    """
    try:
        found = dense_weights(model, [name], holds, before).get(name)
    except KeyError:
        return None
    except Violation:
        if (found := find_parameter(model, name)) is None or holds in ("parametrization", "buffer"):
            raise
    is_elsewhere = holds not in _NAMED and all(one is not found for one in model.parameters())
    return None if is_elsewhere else found
