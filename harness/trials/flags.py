"""Flags that a user sets and no one else may change: `training` of modules, `requires_grad` of parameters."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from ..values.violation import require

Flags = dict[str, bool]


def read(model: nn.Module) -> Flags:
    """Return every module's `training` flag and every parameter's `requires_grad`, by name."""
    trains = {f"{name or 'the model'}.training": module.training for name, module in model.named_modules()}
    return trains | {f"{name}.requires_grad": tensor.requires_grad for name, tensor in model.named_parameters()}


def module_flags(flags: Flags) -> Flags:
    """Return the flags of modules."""
    return {name: flag for name, flag in flags.items() if name.endswith(".training")}


def parameter_flags(flags: Flags) -> Flags:
    """Return the flags of parameters."""
    return {name: flag for name, flag in flags.items() if name.endswith(".requires_grad")}


def set_unusual(model: nn.Module) -> Flags:
    """Set the flags to a pattern that no single rule produces, and return them.

    Every third module is in train mode, and every other parameter is trainable.
    """
    for position, module in enumerate(model.modules()):
        module.training = position % 3 == 0
    for position, parameter in enumerate(model.parameters()):
        parameter.requires_grad_(position % 2 == 1)
    return read(model)


def assert_same(seen: Mapping[str, bool], expected: Mapping[str, bool], kind: str, what: str) -> None:
    """Assert that the flags in `expected` that still exist are unchanged.

    Raises:
        Violation: A flag has changed.
    """
    for name, before in expected.items():
        after = seen.get(name, before)
        require(after == before, kind, f"{what}: {name} is {after}, expected {before}")
