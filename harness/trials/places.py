"""Find what belongs to the dense model in the sparse one, in the places that the contract declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from torch import Tensor, nn

from ..adapter.holders import split_name
from ..values.contract import Contract
from ..values.violation import Violation
from . import modules

if TYPE_CHECKING:
    from ..adapter.protocol import Sparsified
    from ..trials.trial import Trial

T = TypeVar("T")


def sparsified_from(trial: Trial, prepare: Callable[[nn.Module], T]) -> tuple[Sparsified, T]:
    """Return a sparse model, and what `prepare` returned for the model that its user works with.

    This is the dense model before attach, or, if attach returns a copy, that copy before its first update.

    Raises:
        Violation: The plan was not applied (`plan-not-applied`).
    """
    model = trial.dense_model()
    if trial.contract.attaches == "in place":
        prepared = prepare(model)
        return trial.sparsified(model), prepared
    sparsified = trial.attach(model)
    prepared = prepare(sparsified.model)
    sparsified.update()
    trial.assert_plan_applied(sparsified, trial.dense_parameters())
    return sparsified, prepared


def by_dense_name(contract: Contract, found: Mapping[str, T], name: str) -> T | None:
    """Return the value under a name of the dense model, or under that name with a prefix if `prefixed` is declared."""
    if name in found or contract.names == "kept":
        return found.get(name)
    prefixed = [own for own in found if own.endswith(f".{name}")]
    return found[min(prefixed, key=len)] if prefixed else None


def buffer(trial: Trial, model: nn.Module, name: str, when: str) -> Tensor:
    """Return the buffer that the dense model has as `name`.

    Raises:
        Violation: The model has no such buffer (`buffer-gone`).
    """
    found = by_dense_name(trial.contract, dict(model.named_buffers()), name)
    if found is None:
        raise Violation("buffer-gone", f"the dense model's buffer {name} is missing after {when}")
    return found


def layer(
    trial: Trial, model: nn.Module, name: str, given: Mapping[str, nn.Module] = MappingProxyType({})
) -> nn.Module:
    """Return the layer `name` of a sparse model, as its user can reach it.

    Args:
        trial: The cell.
        model: The sparse model.
        name: The name of the layer in the dense model.
        given: The modules that the model attached to had before; those that attach copied do not count.

    Raises:
        Violation: There is no such layer (`layer-gone`).
    """
    reachable: dict[str, nn.Module] = dict(model.named_modules())
    if trial.contract.attaches == "in place":
        reachable = {**given, **reachable}
    found = by_dense_name(trial.contract, reachable, name)
    if found is None:
        raise Violation("layer-gone", f"the sparse model has no layer {name}")
    return found


def parameters_in_order(trial: Trial, model: nn.Module) -> dict[str, nn.Parameter]:
    """Return a model's parameters by the dense model's names, for a wrapper, which keeps their order."""
    return dict(zip((name for name, _ in trial.dense_model().named_parameters()), model.parameters(), strict=False))


def live_parameters(
    trial: Trial, sparsified: Sparsified, before: Mapping[str, nn.Parameter]
) -> dict[str, nn.Parameter]:
    """Return `before`, the dense model's parameters; their counterparts if attach returns a copy.

    The counterpart of a planned parameter is found by `Trial.dense_weights`.
    """
    if trial.contract.attaches == "in place":
        return dict(before)
    own, in_order = dict(sparsified.model.named_parameters()), parameters_in_order(trial, sparsified.model)
    found = {name: by_dense_name(trial.contract, own, name) for name in before}
    return {name: in_order[name] if one is None else one for name, one in found.items()}


def trained_parameter(trial: Trial, model: nn.Module, name: str) -> nn.Parameter:
    """Return a planned parameter of a dense model, or, if attach returns a copy, of the copy.

    Raises:
        Violation: There is no parameter in the declared place (`dense-weight-missing`).
    """
    if trial.contract.attaches == "in place":
        return model.get_parameter(name)
    in_order = parameters_in_order(trial, model)
    return modules.dense_weights(model, (name,), trial.contract.holds, in_order)[name]


# ---------------------------------------------------------------------------- names


def all_names(model: nn.Module) -> frozenset[str]:
    """Return the names of all modules, parameters and buffers."""
    parameters, buffers = model.named_parameters(remove_duplicate=False), model.named_buffers(remove_duplicate=False)
    return frozenset(name for name, _ in (*model.named_modules(), *parameters, *buffers) if name)


def names_outside(model: nn.Module, planned: Iterable[str]) -> frozenset[str]:
    """Return the names of all modules, parameters and buffers that are not in a layer with a planned parameter."""
    layers = tuple(split_name(name)[0] for name in planned)
    return frozenset(
        name for name in all_names(model)
        if not any(name == layer or name.startswith(f"{layer}.") for layer in layers)
    )


def common_prefix(names: frozenset[str], found: frozenset[str]) -> str | None:
    """Return the prefix with which all of `names` are in `found`, empty if they are there as they are.

    Returns:
        The prefix with its dot; None if there is no such prefix.
    """
    one = min(names)
    prefixes = ("", *(own[: -len(one)] for own in found if own.endswith(f".{one}")))
    return next((prefix for prefix in prefixes if all(f"{prefix}{name}" in found for name in names)), None)
