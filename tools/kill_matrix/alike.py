"""Cache torch's results for the exemplar's models, and reuse them for every model that is equal bit for bit.

Most miniatures hand torch such a model, and exporting or compiling it again would reveal nothing about them.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor, nn

from sparsecheck.trials import tracing

Facts = tuple[Any, ...]

_PLAIN = (str, bytes, int, float, bool, type(None), torch.dtype, torch.device)
_export, _export_reloaded, _compiled = tracing.export, tracing.export_reloaded, tracing.compiled


@dataclass(frozen=True)
class Kept:
    """Exported programs and compiled outputs, by the facts of the model and inputs that they were made from."""

    programs: dict[Facts, Any] = field(default_factory=dict)
    reloaded: dict[int, Any] = field(default_factory=dict)
    answers: dict[Facts, Tensor] = field(default_factory=dict)

    def export(self, model: nn.Module, inputs: Tensor) -> Any:
        return self.programs.get(_of_both(model, inputs)) or _export(model, inputs)

    def export_reloaded(self, program: Any) -> Any:
        return self.reloaded.get(id(program)) or _export_reloaded(program)

    @contextmanager
    def compiled(self, model: nn.Module) -> Iterator[Callable[[Tensor], Tensor]]:
        with _compiled(model) as compiled:
            yield _Answering(model, compiled, self.answers)


class Keeping(Kept):
    """Keeps what torch makes, while the exemplar is judged."""

    def kept(self) -> Kept:
        return Kept(self.programs, self.reloaded, self.answers)

    def export(self, model: nn.Module, inputs: Tensor) -> Any:
        known = _of_both(model, inputs)
        self.programs[known] = _export(model, inputs)
        return self.programs[known]

    def export_reloaded(self, program: Any) -> Any:
        self.reloaded[id(program)] = _export_reloaded(program)
        return self.reloaded[id(program)]

    @contextmanager
    def compiled(self, model: nn.Module) -> Iterator[Callable[[Tensor], Tensor]]:
        asked: list[tuple[Facts, Tensor]] = []
        with _compiled(model) as compiled:

            def ask(inputs: Tensor) -> Tensor:
                asked.append((_of_both(model, inputs), compiled(inputs)))
                return asked[-1][1]

            yield ask
        if len(asked) == 1:
            self.answers.update(asked)


class _Answering:
    """A compiled model that returns the cached answer of an equal one.

    It cannot give a second answer, which would depend on what the first call has compiled.
    """

    def __init__(self, model: nn.Module, compiled: Callable[[Tensor], Tensor], answers: dict[Facts, Tensor]) -> None:
        self._model, self._compiled, self._answers = model, compiled, answers
        self._has_answered = False

    def __call__(self, inputs: Tensor) -> Tensor:
        assert not self._has_answered, "asked twice, where the exemplar's was asked once"
        answer = self._answers.get(_of_both(self._model, inputs))
        if answer is None:
            return self._compiled(inputs)
        self._has_answered = True
        return answer.clone()


@contextmanager
def making(kept: Kept) -> Iterator[None]:
    """Within, `tracing` exports and compiles by `kept`."""
    with ExitStack() as stack:
        for name in ("export", "export_reloaded", "compiled"):
            stack.enter_context(patch.object(tracing, name, getattr(kept, name)))
        yield


# -------------------------------------------------------------------------- facts


def _of_both(model: nn.Module, inputs: Tensor) -> Facts:
    return facts(model), facts(inputs), torch.is_grad_enabled()


def facts(value: object) -> Facts:
    """Return a description that is equal for two models that torch cannot distinguish.

    A part of unknown type equals nothing but itself.
    """
    return _facts(value, {})


def _facts(value: Any, seen: dict[object, int]) -> Facts:
    if isinstance(value, _PLAIN):
        return type(value), value
    if id(value) in seen:
        return "as before", seen[id(value)]
    seen[id(value)] = len(seen)
    for kind, describe in _FACTS.items():
        if type(value) is kind or (kind is nn.Module and isinstance(value, kind)):
            return describe(value, seen)
    return (_Unlike(value),)


class _Unlike:
    """Equal to nothing else; keeps its value alive, so that no other value gets the same id."""

    def __init__(self, value: object) -> None:
        self.value = value


def _of_dict(values: dict[Any, Any], seen: dict[object, int]) -> Facts:
    return type(values), tuple((_facts(key, seen), _facts(value, seen)) for key, value in values.items())


def _of_sequence(values: list[Any] | tuple[Any, ...], seen: dict[object, int]) -> Facts:
    return type(values), tuple(_facts(value, seen) for value in values)


def _of_set(values: set[Any], seen: dict[object, int]) -> Facts:
    return (set, frozenset(values)) if all(isinstance(one, _PLAIN) for one in values) else (_Unlike(values),)


def _of_module(module: nn.Module, seen: dict[object, int]) -> Facts:
    return _of_type(type(module), seen), _facts(vars(module), seen)


def _of_tensor(tensor: Tensor, seen: dict[object, int]) -> Facts:
    if tensor.layout is not torch.strided or not tensor.is_leaf:
        return (_Unlike(tensor),)
    storage = tensor.untyped_storage()
    shared = seen.setdefault(("storage", storage.data_ptr()), len(seen))
    place = tensor.shape, tensor.stride(), tensor.storage_offset(), storage.nbytes(), tensor.dtype, tensor.device
    values = tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
    beside = tensor.grad, tensor._backward_hooks, vars(tensor)
    return type(tensor), shared, place, values, tensor.requires_grad, tuple(_facts(one, seen) for one in beside)


def _of_type(kind: type, seen: dict[object, int]) -> Facts:
    """Return the identity of a type: its import path, or the types that torch made it of."""
    if getattr(sys.modules.get(kind.__module__), kind.__qualname__, None) is kind:
        return (kind,)
    own = {name: value for name, value in vars(kind).items() if name not in ("__dict__", "__weakref__")}
    return kind.__name__, tuple(_of_type(base, seen) for base in kind.__bases__), _of_dict(own, seen)


def _of_property(member: property, seen: dict[object, int]) -> Facts:
    return _of_sequence((member.fget, member.fset, member.fdel), seen)


def _of_function(function: FunctionType, seen: dict[object, int]) -> Facts:
    held = [cell.cell_contents for cell in function.__closure__ or ()]
    beside = held, function.__defaults__, function.__kwdefaults__, vars(function)
    return function.__module__, function.__code__, tuple(_facts(one, seen) for one in beside)


_FACTS: dict[type, Callable[[Any, dict[object, int]], Facts]] = {
    dict: _of_dict, OrderedDict: _of_dict, list: _of_sequence, tuple: _of_sequence, set: _of_set,
    Tensor: _of_tensor, nn.Parameter: _of_tensor, nn.Module: _of_module, property: _of_property,
    FunctionType: _of_function,
}
