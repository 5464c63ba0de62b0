"""Detect functions of Python that have been replaced, and restore them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

from .functions import Functions, is_mutable

WATCHED_MODULES = (
    "builtins", "collections", "contextlib", "copy", "copyreg", "dataclasses", "functools", "gc", "hashlib",
    "importlib", "inspect", "io", "itertools", "json", "logging", "math", "operator", "os", "os.path", "pathlib",
    "pickle", "random", "re", "signal", "subprocess", "tempfile", "threading", "time", "traceback", "types", "typing",
    "warnings", "weakref",
)
"""The modules of Python with which the harness and torch judge, measure and store."""

_MODULES = [import_module(name) for name in WATCHED_MODULES]


def _homes() -> Iterator[Any]:
    """Yield the watched modules, and the classes that are defined in them."""
    yield from _MODULES
    for module in _MODULES:
        kinds = [value for value in vars(module).values() if isinstance(value, type)]
        yield from (one for one in dict.fromkeys(kinds) if one.__module__ == module.__name__ and is_mutable(one))


_SETTINGS = (
    "showwarning", "formatwarning", "_showwarnmsg_impl", "excepthook", "lastResort", "_loggerClass",
    "_logRecordFactory", "_",
)
"""Names that are settings of their own, or that the interpreter sets."""

FUNCTIONS = Functions(
    [*_homes()], is_own=lambda value: False, ignored=_SETTINGS, is_common=lambda home: isinstance(home, ModuleType),
)


def replaced_python_functions() -> list[str]:
    """Return the qualified names of the functions and classes of Python that are replaced."""
    return FUNCTIONS.replaced()


def commonly_replaced_python_functions() -> list[str]:
    """Return the same names, with new ones only from the modules, not from their classes."""
    return FUNCTIONS.replaced(quick=True)


def restore_python_functions(kept: Collection[str]) -> None:
    """Restore all functions except those named in `kept` to the state in which this module was imported."""
    FUNCTIONS.restore(kept)
