"""Detect functions of torch that have been replaced or changed, and restore them."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Iterator
from functools import cache, partial
from operator import attrgetter, is_
from pathlib import Path
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import torch
import torch.nn.utils.parametrize
import torch.nn.utils.prune

from .functions import Functions, Place, as_function, is_mutable, qualified
from .words import Words, pointer_offset

_TORCH = str(Path(torch.__file__).parent) + os.sep
_PRIVATE = ("torch._C", "torch._C._nn", "torch._C._VariableFunctions", "torch._tensor", "torch._utils", "torch._VF",
            "torch.utils._pytree")
"""Private modules that are watched, because public functions call into them."""


def _homes() -> Iterator[Any]:
    """Yield the public modules of torch, and the classes in them, inherited from or not."""
    modules = [module for name, module in [*sys.modules.items()] if _is_public(name) and type(module) is ModuleType]
    yield from modules
    yield from dict.fromkeys(kind for module in modules for kind in _classes(vars(module)))


def _is_public(name: str) -> bool:
    parts = name.split(".")
    return name in _PRIVATE or (parts[0] == "torch" and not any(part.startswith("_") for part in parts))


def _classes(names: dict[str, Any]) -> Iterator[type]:
    for value in [*names.values()]:
        if issubclass(type(value), type) and value.__module__.partition(".")[0] == "torch" and is_mutable(value):
            yield value


# ----------------------------------------------------------------- replacements by torch itself


def _is_torchs(value: object) -> bool:
    """Return whether a value is a function of torch, with nothing of someone else inside.

    Torch wraps some functions when it first exports or compiles. The code must be that of torch's own source file,
    since any code can claim to come from there, and its globals those of the module.
    """
    function = as_function(value)
    return function is not None and _is_genuine(function, set())


def _is_genuine(function: FunctionType, seen: set[int]) -> bool:
    if id(function) in seen:
        return True
    seen.add(id(function))
    module = _module_of(function.__code__.co_filename)
    if module is None or function.__globals__ is not vars(module):
        return False
    if function.__code__ not in _codes_in(function.__code__.co_filename):
        return False
    inner = (_called(cell) for cell in function.__closure__ or ())
    return all(_is_genuine(one, seen) for one in inner if one is not None)


def _called(cell: Any) -> FunctionType | None:
    """Return the Python function that runs if the value of a closure's variable is called."""
    try:
        value = cell.cell_contents
    except ValueError:  # empty
        return None
    while isinstance(value, (MethodType, partial)):
        value = value.func if isinstance(value, partial) else value.__func__
    if not isinstance(value, (FunctionType, type)):
        value = vars(type(value)).get("__call__")
    return value if isinstance(value, FunctionType) else None


def _module_of(file: str) -> ModuleType | None:
    if not file.startswith(_TORCH):
        return None
    name = f"torch.{file.removeprefix(_TORCH).removesuffix('.py').replace(os.sep, '.')}".removesuffix(".__init__")
    if getattr(module := sys.modules.get(name), "__file__", None) == file:
        return module
    return next((one for one in [*sys.modules.values()] if getattr(one, "__file__", None) == file), None)


@cache
def _codes_in(file: str) -> frozenset[CodeType]:
    """Return all code in a source file."""
    try:
        top = compile(Path(file).read_bytes(), file, "exec", dont_inherit=True)
    except (OSError, SyntaxError):
        return frozenset()
    return frozenset(_nested(top))


def _nested(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


_STORAGE = "Storage"
"""The name in torch whose value follows the default dtype."""

_COMMON = (
    "torch.nn", "torch.optim", "torch.functional", "torch.serialization", "torch.autograd", "torch._tensor",
)


def _is_common(home: Any) -> bool:
    """Return whether a sparsifier or a case commonly calls what this module or class holds."""
    name = home.__module__ if isinstance(home, type) else home.__name__
    return name == "torch" or name.startswith(_COMMON)


FUNCTIONS = Functions(
    _homes(), _is_torchs, (_STORAGE,), (torch.dtype, torch.layout, torch.memory_format), _is_common,
)
"""All functions of torch, as they are when this module is imported."""


def replaced_functions() -> list[str]:
    """Return the qualified names of the functions and classes of torch that are replaced by code outside torch.

    Replacements by torch itself do not count.
    """
    return FUNCTIONS.replaced()


def commonly_replaced_functions() -> list[str]:
    """Return the same names, with new ones only from the commonly used modules and classes."""
    return FUNCTIONS.replaced(quick=True)


def restore_functions(kept: Collection[str]) -> None:
    """Restore all functions except those named in `kept` to the state in which this module was imported."""
    FUNCTIONS.restore(kept)


# ----------------------------------------------------------------- functions changed in place


class Code:
    """The code and the default arguments of Python functions, which can be changed without any name being set.

    Args:
        functions: The functions, with the place of each.
        parts: The attributes of a function to check.
    """

    def __init__(self, functions: Iterable[tuple[FunctionType, Place]], *parts: str) -> None:
        self._places = dict(functions)
        self._parts = {part: [*map(attrgetter(part), self._places)] for part in parts}
        self._keywords = [
            (function, {**function.__kwdefaults__}) for function in self._places
            if function.__kwdefaults__ and "__kwdefaults__" in parts
        ]

    def changed(self) -> list[str]:
        """Return the qualified names of the functions that were changed."""
        functions = {function for function, _, _ in self._others()} | {function for function, _ in self._edited()}
        return sorted({qualified(self._places[function]) for function in functions})

    def restore(self) -> None:
        """Restore all functions."""
        for function, part, value in [*self._others()]:
            setattr(function, part, value)
        for function, values in [*self._edited()]:
            defaults = function.__kwdefaults__ or {}
            defaults.clear()
            defaults.update(values)

    def _edited(self) -> Iterator[tuple[FunctionType, dict[str, Any]]]:
        """Yield the functions whose default keyword arguments were changed in place, with those of before."""
        for function, values in self._keywords:
            now = function.__kwdefaults__ or {}
            if now.keys() != values.keys() or any(now[name] is not value for name, value in values.items()):
                yield function, values

    def _others(self) -> Iterator[tuple[FunctionType, str, Any]]:
        for part, values in self._parts.items():
            now = [*map(attrgetter(part), self._places)]
            if not all(map(is_, now, values)):
                three = zip(self._places, now, values, strict=True)
                yield from ((function, part, value) for function, one, value in three if one is not value)


class CommonCode(Code):
    """The code of functions, which is looked at only if a word of memory that refers to it has changed."""

    def __init__(self, functions: Iterable[tuple[FunctionType, Place]]) -> None:
        super().__init__(functions, "__code__")
        offset = pointer_offset(qualified, qualified.__code__)
        self._words = None if offset is None else Words(self._places, offset)
        self._before = b"" if self._words is None else self._words.read()

    def changed(self) -> list[str]:
        """Return the qualified names of the functions that were changed."""
        is_same = self._words is not None and self._words.read() == self._before
        return [] if is_same else super().changed()


_PYTHON = [
    (function, place) for place, value in FUNCTIONS.originals() if (function := as_function(value)) is not None
]

COMMON = CommonCode(pair for pair in _PYTHON if _is_common(pair[1][0]))
"""The functions that a sparsifier or a case commonly calls, checked after every cell."""

ALL = Code(_PYTHON, "__code__", "__defaults__", "__kwdefaults__")
"""All of torch's functions and their default arguments, checked after the last cell."""
