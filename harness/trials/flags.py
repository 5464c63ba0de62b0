"""What a user sets on modules and parameters, and nobody else is to change."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from ..values.violation import require

Flags = dict[str, bool]


def read(model: nn.Module) -> Flags:
    """Each module's train or eval flag and each parameter's requires_grad, by name."""
    trains = {f"{name or 'the model'}.training": module.training for name, module in model.named_modules()}
    return trains | {f"{name}.requires_grad": tensor.requires_grad for name, tensor in model.named_parameters()}


def module_flags(flags: Flags) -> Flags:
    """Of `flags`, those of modules."""
    return {name: flag for name, flag in flags.items() if name.endswith(".training")}


def parameter_flags(flags: Flags) -> Flags:
    """Of `flags`, those of parameters."""
    return {name: flag for name, flag in flags.items() if name.endswith(".requires_grad")}


def set_unusual(model: nn.Module) -> Flags:
    """Set them so that no one rule gives them all: every third module in training, every other parameter frozen."""
    for position, module in enumerate(model.modules()):
        module.training = position % 3 == 0
    for position, parameter in enumerate(model.parameters()):
        parameter.requires_grad_(position % 2 == 1)
    return read(model)


def assert_same(seen: Mapping[str, bool], expected: Mapping[str, bool], kind: str, what: str) -> None:
    """Those of `expected` that are there still are as they were.

    Raises:
        Violation: one is not.
    """
    for name, before in expected.items():
        after = seen.get(name, before)
        require(after == before, kind, f"{what}: {name} is {after}, expected {before}")
