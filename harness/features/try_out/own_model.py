"""The user's own model: load it, and call it with one tensor for another."""

from __future__ import annotations

import copy
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import BadUsage, NotJudged

INNER = "model."
"""The prefix of the names in a model that is wrapped by `SingleTensor`."""


class SingleTensor(nn.Module):
    """Calls a model with an example, in which the first tensor is replaced, and returns the first tensor of its output.

    Args:
        model: A model.
        example: A tensor, a tuple of positional arguments, or a dictionary of keyword arguments.
    """

    def __init__(self, model: nn.Module, example: Any) -> None:
        super().__init__()
        self.model = model
        self._example = example

    def forward(self, inputs: Tensor) -> Tensor:
        arguments = _with_first(self._example, inputs)
        if isinstance(arguments, Mapping):
            output = self.model(**arguments)
        else:
            output = self.model(*arguments) if isinstance(arguments, tuple) else self.model(arguments)
        for one in _tensors(output):
            if one.is_floating_point():
                return one
        raise TypeError(f"its output, of type {type(output).__name__}, has no tensor of floating-point numbers")


@dataclass(frozen=True)
class OwnModel:
    """A model that takes one tensor and returns one.

    Attributes:
        where: The function that made it, as the user named it.
        model: The dense model, in the mode in which it is judged.
        inputs: The example input.
        prefix: What precedes the user's names of modules in it.
        note: Why it is not judged in the mode in which it was made; empty if it is.
    """

    where: str
    model: nn.Module
    inputs: Tensor
    prefix: str
    note: str

    @property
    def dtype(self) -> torch.dtype:
        """Return the dtype of its first parameter of floating-point numbers."""
        return next(one.dtype for one in self.model.parameters() if one.is_floating_point())

    def fresh(self) -> nn.Module:
        """Return a copy with the same weights."""
        return copy.deepcopy(self.model)


def load_model(where: str) -> OwnModel:
    """Call the function that a user names, and make its model one that takes and returns a single tensor.

    Args:
        where: `package.module:function` or `folder/file.py:function`; the function returns a module and an example
            input.

    Raises:
        BadUsage: There is no such function, or it returns something else.
        NotJudged: The model fails on the example, has no parameters, or its output is random even in eval mode.
    """
    model, example = _called(where)
    if not any(one.is_floating_point() for one in model.parameters()):
        raise NotJudged(f"the model of {where} has no parameters", "Return a model with weights.")
    is_plain = isinstance(example, Tensor) and isinstance(_output(where, model, example), Tensor)
    if not is_plain:
        model = SingleTensor(model, example)
    inputs = next(_tensors(example))
    return OwnModel(where, model, inputs, "" if is_plain else INNER, _made_deterministic(where, model, inputs))


def _called(where: str) -> tuple[nn.Module, Any]:
    """Return what the user's function returns."""
    function = _function(where)
    try:
        answer = function()
    except Exception as error:
        hint = "Name a function without arguments."
        raise BadUsage(f"{where}() raises {type(error).__name__}: {error}", hint) from error
    if not isinstance(answer, tuple) or len(answer) != 2 or not isinstance(answer[0], nn.Module):
        hint = "Return a torch.nn.Module and an example input."
        raise BadUsage(f"{where}() returns {type(answer).__name__} and not a model with an example input", hint)
    if not [*_tensors(answer[1])]:
        hint = "Return a tensor, a tuple of arguments or a dictionary of keyword arguments as the example."
        raise BadUsage(f"the example input of {where}() has no tensor", hint)
    return answer


def _function(where: str) -> Callable[[], Any]:
    place, colon, name = where.rpartition(":")
    if not colon or not place or not name.isidentifier():
        raise BadUsage(f"--model {where} names no function", "Give package.module:function or file.py:function.")
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # last, so that a folder in it hides no installed package
    try:
        module = _from_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    except Exception as error:
        raise BadUsage(f"{place} cannot be imported: {type(error).__name__}: {error}", "Check --model.") from error
    function = getattr(module, name, None)
    if not callable(function):
        raise BadUsage(f"{place} has no function {name}", "Check --model.")
    found: Callable[[], Any] = function
    return found


def _from_file(file: Path) -> ModuleType:
    spec = spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module


def _output(where: str, model: nn.Module, inputs: Tensor) -> Any:
    """Return what a model returns for its example, without changing the model.

    Raises:
        NotJudged: It fails.
    """
    try:
        with torch.no_grad():
            return copy.deepcopy(model)(inputs)
    except Exception as error:
        hint = "Return an example input that the model takes."
        raise NotJudged(f"the model of {where} fails on its example: {type(error).__name__}: {error}", hint) from error


def _made_deterministic(where: str, model: nn.Module, inputs: Tensor) -> str:
    """Put a model whose output is random into eval mode; return the reason, or an empty string."""
    if not _is_random(where, model, inputs):
        return ""
    model.eval()
    if _is_random(where, model, inputs):
        raise NotJudged(f"the output of the model of {where} is random even in eval mode",
                        "Return a model whose output depends on its input and weights alone.")
    return "in eval mode, since its output is random in train mode"


def _is_random(where: str, model: nn.Module, inputs: Tensor) -> bool:
    outputs = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        outputs.append(_output(where, model, inputs))
    return not torch.equal(outputs[0], outputs[1])


def _tensors(value: Any) -> Iterator[Tensor]:
    """Yield the tensors in nested tuples, lists and dictionaries."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _tensors(one)
    elif isinstance(value, (tuple, list)):
        for one in value:
            yield from _tensors(one)


def _with_first(value: Any, tensor: Tensor) -> Any:
    """Return nested tuples, lists and dictionaries with the first tensor in them replaced."""
    first = next(_tensors(value))

    def replaced(one: Any) -> Any:
        if isinstance(one, Tensor):
            return tensor if one is first else one
        if isinstance(one, Mapping):
            return {name: replaced(part) for name, part in one.items()}
        parts = [replaced(part) for part in one] if isinstance(one, (tuple, list)) else one
        return tuple(parts) if isinstance(one, tuple) else parts

    return replaced(value)
