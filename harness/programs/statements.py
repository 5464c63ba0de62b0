"""What must hold after each step of a program."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from ..oracle import compare
from ..oracle.tolerance import Tolerance, tolerance
from ..oracle.units import Mask
from ..values.comparisons import note
from ..values.steps import LevelType, Step
from ..values.violation import Violation, require
from .places import find_module, find_parameter

if TYPE_CHECKING:
    from .running import Run


_PLAIN = (Tensor, nn.Parameter)

AFTER_TRAINING = 20
"""How many times as wide the tolerance is after training, which amplifies rounding."""


class Expected(NamedTuple):
    """The output of the twin for the probe inputs.

    Attributes:
        state: The state of the twin in which it was computed.
        output: The output.
        calls: The calls of the user's hooks on the twin.
    """

    state: tuple[object, ...]
    output: Tensor
    calls: Counter[str]


def describe(step: Step) -> str:
    """Return a step in the words of its JSON, such as `update level=0.29`."""
    fields = msgspec.to_builtins(step)
    return " ".join([fields.pop("do"), *(f"{name}={value}" for name, value in fields.items())])


def number(level: float | None, kind: LevelType) -> Any:
    """Return a level as another type of number, if that type can hold it exactly."""
    if level is None or kind == "float":
        return level
    if kind == "int":
        return int(level) if level in (0, 1) else level
    if kind == "tensor":
        return torch.tensor(level, dtype=torch.float64)
    return np.float32(level) if float(np.float32(level)) == level else np.float64(level)


def bound(walk: Run) -> Tolerance:
    """Return the tolerance for numbers that the model computes; wider once training has amplified rounding."""
    name = str(walk.dtype).removeprefix("torch.")
    one = tolerance(walk.device.type, name)
    return one if walk.exact else Tolerance(one.relative * AFTER_TRAINING, one.absolute * AFTER_TRAINING)


def assert_masks(walk: Run) -> None:
    """Assert that the masks are those of the last update.

    Raises:
        Violation: One is different (`mask-differs`) or missing (`mask-missing`), or has another form (`mask-form`).
    """
    if walk.sparsified is not None and (walk.updates or walk.contract.masks_at == "attach"):
        masks = reported_masks(walk)
        for name, mask in walk.twin.reported().items():
            compare.assert_equal(masks[name], mask, "mask-differs", f"mask of {name}")


def assert_state(walk: Run, looks: bool = True) -> None:
    """Assert all that must hold of weights, flags, hooks and outputs after any step before finalize.

    Args:
        walk: The run.
        looks: Whether hooks and output are compared too, for which the model is run.
    """
    _assert_planned(walk)
    _assert_others(walk)
    _assert_modes(walk)
    if looks:
        _assert_output_and_hooks(walk)


def _assert_output_and_hooks(walk: Run) -> None:
    calls, (expected, expected_calls) = walk.calls.copy(), _expected_output(walk)
    seen = walk.call(lambda: _output(walk.model, walk), "forward")
    assert_output(walk, seen, expected, "output")
    _assert_hooks(walk, calls, expected_calls)


def _expected_output(walk: Run) -> tuple[Tensor, Counter[str]]:
    """Return the twin's output, and the calls of the user's hooks that it takes; again only where the twin changed."""
    state = (walk.dtype, len(walk.twin_hooks), *walk.twin.versions())
    if walk.expected is None or walk.expected.state != state:
        calls = walk.twin_calls.copy()
        output = _output(walk.twin.model, walk)
        walk.expected = Expected(state, output, walk.twin_calls - calls)
    return walk.expected.output, walk.expected.calls


def _output(model: nn.Module, walk: Run) -> Tensor:
    if walk.twin_hooks:
        model.state_dict()  # which calls the user's hooks on it
    with torch.no_grad():
        output: Tensor = model(walk.inputs())
    return output


def reported_masks(walk: Run) -> dict[str, Mask]:
    """Return the reported masks, one for each planned parameter.

    Raises:
        Violation: A mask is missing (`mask-missing`) or has another form (`mask-form`).
    """
    masks = walk.call(walk.attached.masks, "masks()")
    for name in walk.plan.names:
        require(name in masks, "mask-missing", f"{name} is planned, but masks() has no mask for it")
        form = masks[name].dtype, tuple(masks[name].shape)
        expected = torch.bool, walk.program.shapes[name]
        require(form == expected, "mask-form", f"mask of {name} is {form}, expected {expected}")
    return {name: compare.array(masks[name]).copy() for name in walk.plan.names}


def _assert_planned(walk: Run) -> None:
    """Assert the values of the planned parameters, and adopt what no statement predicts."""
    for name in walk.twin.planned:
        place = walk.place(name)
        if place is None:
            walk.adopted.add(f"values of {name}, whose place is unknown")
            continue
        _assert_flag(walk, name, place)
        expected, seen = walk.twin.dense[name], place.detach()
        require(seen.dtype == expected.dtype, "dtype-differs", f"{name} is {seen.dtype}, expected {expected.dtype}")
        require(seen.shape == expected.shape, "weight-differs", f"{name} has shape {tuple(seen.shape)}")
        if _are_equal(seen, expected, f"weight {name}"):
            continue
        mask = walk.twin.masks[name]
        _assert_values(walk, seen.masked_fill(~mask, 0), expected.masked_fill(~mask, 0), "weight-differs", name)
        if walk.contract.holds in ("parametrization", "buffer"):
            _assert_values(walk, seen, expected, "removed-weight-differs", f"dense weight of {name}")
        elif not compare.same_values(seen, expected):
            walk.adopted.add(f"values of removed entries of {name}")
        walk.twin.write(name, seen)


def _are_equal(seen: object, expected: Tensor, what: str) -> bool:
    """Compare two plain tensors fast; return False also where only NumPy can say more about them."""
    if type(seen) not in _PLAIN or type(expected) not in _PLAIN:
        return False
    assert isinstance(seen, Tensor)
    if seen.dtype != expected.dtype or not torch.equal(seen, expected):
        return False
    note(what)
    return True


def _assert_values(walk: Run, seen: Tensor, expected: Tensor, kind: str, what: str) -> None:
    if _are_equal(seen, expected, what):
        return
    if walk.exact:
        compare.assert_equal(seen, expected, kind, what)
    else:
        compare.assert_close(seen, expected, bound(walk), kind, what)


def _assert_others(walk: Run) -> None:
    """Assert the values of the parameters and buffers that are not planned."""
    for name, expected in walk.twin.model.named_parameters():
        if name not in walk.twin.planned:
            seen = find_parameter(walk.model, name)
            if seen is None:
                walk.adopted.add(f"{name}, which the sparse model holds elsewhere")
                continue
            _assert_flag(walk, name, seen)
            if not _are_equal(seen, expected, name):
                _assert_values(walk, seen, expected, "parameter-differs", name)
                expected.detach().copy_(seen.detach())
    _assert_buffers(walk)


def _assert_buffers(walk: Run) -> None:
    """Assert that the buffers of the dense model are those of the twin, up to the rounding of what they average."""
    for name, expected in walk.twin.model.named_buffers():
        path, _, attribute = name.rpartition(".")
        module = find_module(walk.model, path)
        seen = None if module is None else module._buffers.get(attribute)
        if seen is not None and not _are_equal(seen, expected, name):
            limit = scaled(bound(walk), expected) if expected.is_floating_point() else Tolerance(0, 0)
            compare.assert_close(seen, expected, limit, "buffer-differs", name)
            expected.copy_(seen)


def _assert_flag(walk: Run, name: str, seen: nn.Parameter) -> None:
    expected = walk.twin.model.get_parameter(name).requires_grad
    message = f"requires_grad of {name} is {seen.requires_grad}, expected {expected}"
    require(seen.requires_grad == expected, "flag-changed", message)


def _assert_modes(walk: Run) -> None:
    for name, twin in walk.twin.model.named_modules():
        module = find_module(walk.model, name)
        if module is not None:
            message = f"training of {name or 'the model'} is {module.training}, expected {twin.training}"
            require(module.training == twin.training, "flag-changed", message)


def _assert_hooks(walk: Run, calls: Counter[str], expected: Counter[str]) -> None:
    for name in walk.twin_calls:
        seen = walk.calls[name] - calls[name]
        message = f"the user's {name} ran {seen} times in one forward, expected {expected[name]}"
        require(seen == expected[name], "hook-lost", message)


def assert_output(walk: Run, seen: object, expected: Tensor, what: str) -> None:
    """Assert that an output is that of the twin.

    Raises:
        Violation: It is different (`output-differs`).
    """
    if not isinstance(seen, Tensor):
        raise Violation("output-differs", f"{what} is of type {type(seen).__name__}, expected Tensor")
    same = seen.dtype == expected.dtype
    require(same, "output-differs", f"{what} is {seen.dtype}, expected {expected.dtype}")
    if _are_equal(seen, expected, what):
        return
    compare.assert_close(seen, expected, scaled(bound(walk), expected), "output-differs", what)


def scaled(one: Tolerance, *tensors: Tensor) -> Tolerance:
    """Return the tolerance for numbers of the order of the largest finite entry of some tensors, if above one."""
    sizes = [tensor.detach()[torch.isfinite(tensor)].abs() for tensor in tensors]
    largest = max([1.0, *(float(size.max()) for size in sizes if size.numel())])
    return Tolerance(one.relative, one.absolute * largest)


def assert_gradients(walk: Run) -> None:
    """Assert that every kept entry has the gradient that the twin has.

    Raises:
        Violation: One has not (`gradient-differs`), or there is none (`gradient-missing`).
    """
    for name, twin in walk.twin.model.named_parameters():
        planned = name in walk.twin.planned
        place = walk.place(name) if planned else find_parameter(walk.model, name)
        if place is None or twin.grad is None:
            continue
        if place.grad is None:
            raise Violation("gradient-missing", f"backward leaves no gradient of {name}")
        seen, expected = place.grad, twin.grad
        if planned:
            seen, expected = (one.masked_fill(~walk.twin.masks[name], 0) for one in (seen, expected))
        if _are_equal(seen, expected, f"gradient of {name}"):
            continue
        limit = scaled(walk.gradient_bound(), expected, *walk.gradient_scale())
        compare.assert_close(seen, expected, limit, "gradient-differs", f"gradient of {name}")


def assert_final(walk: Run) -> None:
    """Assert that the final model is the dense model with the masks applied, and nothing else.

    Raises:
        Violation: A tensor is missing, new or different (`final-differs`), or so is the output (`output-differs`).
    """
    seen, expected = walk.model.state_dict(), walk.twin.model.state_dict()
    names = sorted(set(seen) ^ set(expected))
    message = f"the final model's state dict has {', '.join(map(repr, names))} too many or too few"
    require(not names, "final-differs", message)
    for name, parameter in walk.twin.model.named_parameters():
        _assert_values(walk, seen[name], parameter, "final-differs", f"{name} of the final model")
    kept = {name for name, _ in walk.twin.model.named_buffers()}
    new = sorted({name for name, _ in walk.model.named_buffers()} - kept)
    require(not new, "final-differs", f"the final model has the buffers {', '.join(new)}, which the dense one has not")
    _assert_others(walk)
    _assert_modes(walk)
    calls, (expected_output, expected_calls) = walk.calls.copy(), _expected_output(walk)
    assert_output(walk, _output(walk.model, walk), expected_output, "output of the final model")
    _assert_hooks(walk, calls, expected_calls)


def write(model: nn.Module, place: nn.Parameter, values: Tensor, how: str) -> None:
    """Write values into a parameter, as a user does."""
    if how == "data":
        place.data.copy_(values)
    elif how == "in place":
        with torch.no_grad():
            place.copy_(values)
    else:
        state = model.state_dict()
        own = [key for key, one in state.items() if isinstance(one, Tensor) and one.data_ptr() == place.data_ptr()]
        new = values.clone()
        flags = {name: one.requires_grad for name, one in model.named_parameters()}
        model.load_state_dict({**state, **dict.fromkeys(own, new)}, assign=how == "assign")
        for name, one in () if _keeps_flags() else model.named_parameters():
            one.requires_grad_(flags.get(name, True))


@cache
def _keeps_flags() -> bool:
    """Return whether load_state_dict(assign=True) leaves frozen what was frozen, as torch since 2.2 does."""
    layer = nn.LayerNorm(1).requires_grad_(False)  # whose values are not random
    layer.load_state_dict(layer.state_dict(), assign=True)
    return not layer.weight.requires_grad


def give_flags(model: nn.Module, twin: nn.Module) -> None:
    """Give a model the flags that another one of the same structure has."""
    for name, module in twin.named_modules():
        model.get_submodule(name).training = module.training
    for name, parameter in twin.named_parameters():
        model.get_parameter(name).requires_grad_(parameter.requires_grad)
