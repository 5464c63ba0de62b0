"""Inspect the modules of a model: types, hooks, and how a planned weight is held."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from ..adapter.holders import split_name
from ..oracle.units import Mask
from ..values.contract import Holds
from ..values.violation import Violation, require

_HOOKS = (
    "_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks",
    "_state_dict_pre_hooks", "_state_dict_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks",
)


def describe_modules(model: nn.Module) -> dict[str, str]:
    """Return, by module name, a description of the module's type and its hooks."""
    return {name or "the model": _words(module) for name, module in model.named_modules()}


def _words(module: nn.Module) -> str:
    kind = type(module)
    hooks = [f"{len(found)} {name.strip('_')}" for name in _HOOKS if (found := getattr(module, name, None))]
    return ", ".join((f"{kind.__module__}.{kind.__qualname__}", *hooks))


def assert_same_modules(seen: Mapping[str, str], expected: Mapping[str, str], kind: str, what: str) -> None:
    """Assert that two descriptions have the same modules, types and numbers of hooks.

    Args:
        seen: The description of the model under test.
        expected: The description that it must have.
        kind: The kind of the violation.
        what: The subject of the message.

    Raises:
        Violation: A module is new, gone or different.
    """
    for name in {**expected, **seen}:
        before, after = expected.get(name, "no module"), seen.get(name, "no module")
        require(before == after, kind, f"{what}: {name} is {after}, expected {before}")


def detect_holder(model: nn.Module, name: str, plain: type[nn.Module], mask: Mask) -> Holds | str:
    """Return how `model` holds the mask of the parameter `name`, in the words of `Contract.holds`.

    Args:
        model: The sparse model.
        name: The fully qualified name of the parameter.
        plain: The type of the layer in the dense model.
        mask: The mask, True where kept.

    Returns:
        One of the values of `Contract.holds`, or another phrase if it is none of them.
    """
    path, attribute = split_name(name)
    try:
        module = model.get_submodule(path)
    except AttributeError:
        return "wrapper"
    if parametrize.is_parametrized(module, attribute):
        return "parametrization"
    if f"{attribute}_orig" in module._parameters and f"{attribute}_mask" in module._buffers:
        return "buffer"
    if type(module) is not plain:
        return "wrapper"
    if _is_zero(module._parameters.get(attribute), mask):
        return "in place"
    return "forward" if "forward" in vars(model) else "none of the known ways"


def _is_zero(parameter: Tensor | None, mask: Mask) -> bool:
    removed = torch.from_numpy(~mask)
    return parameter is not None and not bool(parameter.detach().cpu()[removed].any())


def require_plain_parameter(model: nn.Module, name: str, what: str) -> nn.Parameter:
    """Return the parameter `name`, and assert that it is a plain one.

    Raises:
        Violation: It is parametrized or of another type, or there are leftovers of pruning next to it (`not-plain`).
    """
    path, attribute = split_name(name)
    modules = dict(model.named_modules())
    require(path in modules, "not-plain", f"{what}: the model has no module {path}")
    module, found = modules[path], modules[path]._parameters.get(attribute)
    beside = {f"{attribute}_orig", f"{attribute}_mask"} & {*module._parameters, *module._buffers}
    require(not beside, "not-plain", f"{what}: next to {name} there is still {', '.join(sorted(beside))}")
    seen = "parametrized" if parametrize.is_parametrized(module, attribute) else type(found).__name__
    if type(found) is not nn.Parameter:
        raise Violation("not-plain", f"{what}: {name} is {seen}, expected a plain Parameter")
    return found


def dense_weights(
    model: nn.Module, names: Iterable[str], holds: Holds, before: Mapping[str, nn.Parameter]
) -> dict[str, nn.Parameter]:
    """Return the parameters that training changes, by planned name.

    Args:
        model: The sparse model.
        names: The planned names.
        holds: The declared way of holding a mask, which names the place of the parameter.
        before: The dense model's parameters, which are returned where `holds` names no place.

    Raises:
        Violation: There is no parameter in the declared place (`dense-weight-missing`).
    """
    return {name: _dense_weight(model, name, holds, before) for name in names}


def _dense_weight(
    model: nn.Module, name: str, holds: Holds, before: Mapping[str, nn.Parameter]
) -> nn.Parameter:
    path, attribute = split_name(name)
    places = {
        "parametrization": f"{path}.parametrizations.{attribute}.original".lstrip("."),
        "buffer": f"{name}_orig",
        "in place": name,
        "forward": name,
    }
    if holds not in places:
        return before[name]
    try:
        return model.get_parameter(places[holds])
    except AttributeError:
        message = f"holds={holds!r} is declared for {name}, but there is no parameter {places[holds]}"
        raise Violation("dense-weight-missing", message) from None


def reverse_scores(weights: Mapping[str, nn.Parameter]) -> None:
    """Make the lowest scores of each weight the highest, so that the removed entries are the ones to keep."""
    for weight in weights.values():
        size = weight.detach().abs()
        weight.detach().copy_(size.max() - size + 0.01)


def unregistered_tensors(model: nn.Module, name: str) -> list[str]:
    """Return the tensors that the parametrizations of `name` hold as plain attributes, which `.to` does not move."""
    path, attribute = split_name(name)
    module = model.get_submodule(path)
    if not parametrize.is_parametrized(module, attribute):
        return []
    chain: nn.Module = module.get_submodule(f"parametrizations.{attribute}")
    return [
        f"{place or 'parametrizations'}.{key}"
        for place, part in chain.named_modules()
        for key, value in vars(part).items()
        if isinstance(value, Tensor)
    ]
