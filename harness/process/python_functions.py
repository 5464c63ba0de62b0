"""Detect functions of Python that have been replaced, and restore them."""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module

from .functions import Functions

WATCHED_MODULES = (
    "builtins", "collections", "contextlib", "copy", "copyreg", "functools", "gc", "inspect", "io", "itertools", "json",
    "logging", "math", "operator", "os", "os.path", "pickle", "random", "signal", "subprocess", "tempfile", "threading",
    "time", "traceback", "types", "warnings", "weakref",
)
"""The modules of Python with which the harness and torch judge, measure and store."""

_SETTINGS = (
    "showwarning", "formatwarning", "_showwarnmsg_impl", "excepthook", "lastResort", "_loggerClass",
    "_logRecordFactory", "_",
)
"""Names that are settings of their own, or that the interpreter sets."""

FUNCTIONS = Functions(
    [import_module(name) for name in WATCHED_MODULES],
    is_own=lambda value: False, ignored=_SETTINGS,
)


def replaced_python_functions() -> list[str]:
    """Return the qualified names of the functions and classes of Python that are replaced."""
    return FUNCTIONS.replaced()


def restore_python_functions(kept: Collection[str]) -> None:
    """Restore all functions except those named in `kept` to the state in which this module was imported."""
    FUNCTIONS.restore(kept)
