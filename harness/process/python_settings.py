"""Process-wide settings of Python and NumPy."""

from __future__ import annotations

import copyreg
import decimal
import faulthandler
import gc
import logging
import multiprocessing
import os
import random
import sys
import threading
import tracemalloc
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .python_functions import (
    commonly_replaced_python_functions,
    replaced_python_functions,
    restore_python_functions,
)
from .setting import (
    Remembered,
    Same,
    Setting,
    held,
    is_of_python,
    of_attribute,
    of_functions,
    of_list,
    of_object,
    same,
)
from .system_settings import SYSTEM_SETTINGS

# ----------------------------------------------------------------- the interpreter


def _collector() -> dict[str, Any]:
    return {
        "enabled": gc.isenabled(), "the thresholds": gc.get_threshold(), "the debug flags": gc.get_debug(),
        "the callbacks": same(gc.callbacks),
    }


def _put_collector(before: Mapping[str, Any]) -> None:
    (gc.enable if before["enabled"] else gc.disable)()
    gc.set_threshold(*before["the thresholds"])
    gc.set_debug(before["the debug flags"])
    gc.callbacks[:] = held(before["the callbacks"])


_SAME_TRACERS = Remembered(same)


def _tracers() -> list[Same]:
    return _SAME_TRACERS.of((sys.gettrace(), sys.getprofile(), *_tracers_of_threads()))


def _tracers_of_threads() -> tuple[Any, Any]:
    return threading.gettrace(), threading.getprofile()


def _put_tracers(before: list[Same]) -> None:
    trace, profile, of_threads, profile_of_threads = held(before)
    sys.settrace(trace)
    sys.setprofile(profile)
    threading.settrace(of_threads)
    threading.setprofile(profile_of_threads)


_MONITORING: Any = getattr(sys, "monitoring", None)
"""Python has it from 3.12 on."""


def _tools() -> list[Any]:
    """Return the names of the tools that use `sys.monitoring`."""
    return [_MONITORING.get_tool(number) for number in range(6)]


def _put_tools(before: list[Any]) -> None:
    for number, (now, earlier) in enumerate(zip(_tools(), before, strict=True)):
        if now != earlier:
            _MONITORING.free_tool_id(number)
            if earlier is not None:
                _MONITORING.use_tool_id(number, earlier)


def _put_tracing(on: bool) -> None:
    (tracemalloc.start if on else tracemalloc.stop)()


def _put_faulthandler(on: bool) -> None:
    if on:
        faulthandler.enable(sys.__stderr__ or 2)
    else:
        faulthandler.disable()


RECURSION_LIMIT = "recursion limit"
"""The name of the setting under which the others are read."""

_SYSTEM_HOOKS = ("excepthook", "unraisablehook", "displayhook", "breakpointhook")
_STREAMS = ("stdin", "stdout", "stderr")


def _interpreter() -> Iterator[Setting]:
    yield Setting(RECURSION_LIMIT, sys.getrecursionlimit, sys.setrecursionlimit)
    yield Setting("switch interval", sys.getswitchinterval, sys.setswitchinterval)
    yield from of_functions("limit of digits", sys, "get_int_max_str_digits", "set_int_max_str_digits")
    yield Setting("garbage collector", _collector, _put_collector)
    yield Setting("trace and profile functions", _tracers, _put_tracers, lasting=False)
    if _MONITORING is not None:
        yield Setting("monitoring tools", _tools, _put_tools, lasting=False)
    yield Setting("tracing of allocations", tracemalloc.is_tracing, _put_tracing)
    yield Setting("fault handler", faulthandler.is_enabled, _put_faulthandler)
    for name in _SYSTEM_HOOKS:
        yield from of_object(f"function sys.{name}", sys, name, lasting=False)
    yield from of_object("function threading.excepthook", threading, "excepthook", lasting=False)
    yield Setting("stack size of threads", threading.stack_size, threading.stack_size)
    for name in _STREAMS:
        yield from of_object(f"stream sys.{name}", sys, name, lasting=False)
    yield Setting("decimal context", _decimal, _put_decimal)
    yield Setting("start method of processes", _start_method, _put_start_method)


def _decimal() -> dict[str, Any]:
    context = decimal.getcontext()
    return {name: getattr(context, name) for name in ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")}


def _put_decimal(before: Mapping[str, Any]) -> None:
    for name, value in before.items():
        setattr(decimal.getcontext(), name, value)


def _start_method() -> str:
    """Return how processes are started; before the first one, the default."""
    return multiprocessing.get_start_method(allow_none=True) or multiprocessing.get_all_start_methods()[0]


def _put_start_method(before: str) -> None:
    multiprocessing.set_start_method(before, force=True)


# ----------------------------------------------------------------- imports


_MODULES = (
    "torch", "torch.nn.functional", "numpy", "builtins", "sys", "os", "time", "math", "copy", "pickle", "json",
    "random", "warnings", "logging", "gc", "inspect", "threading",
)


_SAME_MODULES = Remembered(lambda modules: dict(zip(_MODULES, same(modules), strict=True)))


def _modules() -> dict[str, Same]:
    return _SAME_MODULES.of([*map(sys.modules.get, _MODULES)])


def _put_modules(before: Mapping[str, Same]) -> None:
    sys.modules.update({name: one.held for name, one in before.items()})


_VENDORED = os.path.join("setuptools", "_vendor")
_OWN_PATH = Remembered(lambda folders: [folder for folder in folders if not folder.endswith(_VENDORED)])


def _path() -> list[str]:
    """Return the import path without the folder that setuptools adds when it is imported."""
    return _OWN_PATH.of([*sys.path])


def _put_path(before: list[str]) -> None:
    sys.path[:] = [*before, *(folder for folder in sys.path if folder.endswith(_VENDORED))]


def _copiers() -> dict[str, Same]:
    """Return how types of Python, NumPy and torch are copied and pickled, by name."""
    return _COPIERS.of([*copyreg.dispatch_table, *copyreg.dispatch_table.values()])


def _by_name(entries: Sequence[Any]) -> dict[str, Same]:
    """Return the functions by the names of the types, given all types and then their functions."""
    half = len(entries) // 2
    return {
        f"{kind.__module__}.{kind.__qualname__}": Same(reduce)
        for kind, reduce in zip(entries[:half], entries[half:], strict=True) if _is_a_librarys(kind)
    }


_COPIERS = Remembered(_by_name)


def _is_a_librarys(kind: type) -> bool:
    return is_of_python(kind) or kind.__module__.partition(".")[0] == "torch"


def _put_copiers(before: Mapping[str, Same]) -> None:
    for kind in [kind for kind in copyreg.dispatch_table if _is_a_librarys(kind)]:
        name = f"{kind.__module__}.{kind.__qualname__}"
        if name not in before:
            del copyreg.dispatch_table[kind]
        else:
            copyreg.dispatch_table[kind] = before[name].held


def _imports() -> Iterator[Setting]:
    yield Setting("import path", _path, _put_path, needed=True)
    yield of_list("import hooks sys.meta_path", sys.meta_path, needed=True)
    yield of_list("import hooks sys.path_hooks", sys.path_hooks, needed=True)
    yield Setting("module table", _modules, _put_modules, needed=True)
    yield Setting("pickling of Python's and torch's types", _copiers, _put_copiers, needed=True)


# ----------------------------------------------------------------- warnings and logging


def _filters() -> list[Any]:
    """Return the warning filters that affect other packages' warnings.

    A filter for a category, a module or a message of its own is a package's own affair, and torch imports such packages
    at any time.
    """
    return _FILTERS.of([*warnings.filters])


_FILTERS = Remembered(lambda entries: [entry for entry in entries if _is_for_all(*entry[1:4])])


def _is_for_all(message: Any, category: Any, module: object) -> bool:
    is_broad = message is None or len(getattr(message, "pattern", message)) < _SPECIFIC
    return is_broad and module is None and category.__module__.partition(".")[0] in ("builtins", "torch", "numpy")


_SPECIFIC = 12
"""The length from which on a pattern of a message stands for one warning."""


def _put_filters(kept: list[Any]) -> None:
    others = [entry for entry in warnings.filters if not _is_for_all(*entry[1:4])]
    warnings.resetwarnings()
    warnings.filters[:] = kept + others  # type: ignore[index]


_WARNING_FUNCTIONS = ("showwarning", "formatwarning", "_showwarnmsg_impl")


def _warning_functions() -> dict[str, Same]:
    return {name: Same(getattr(warnings, name)) for name in _WARNING_FUNCTIONS}


def _put_warning_functions(before: Mapping[str, Same]) -> None:
    for name, function in before.items():
        setattr(warnings, name, function.held)


def _root_logger() -> dict[str, Any]:
    return {
        "the level": logging.root.level, "the handlers": same(logging.root.handlers),
        "the filters": same(logging.root.filters), "the switch": logging.root.disabled,
    }


def _put_root_logger(before: Mapping[str, Any]) -> None:
    logging.root.setLevel(before["the level"])
    logging.root.handlers[:] = held(before["the handlers"])
    logging.root.filters[:] = held(before["the filters"])
    logging.root.disabled = before["the switch"]


def _put_disabled(level: int) -> None:
    logging.disable(level)


def _logs_warnings() -> bool:
    return vars(logging)["_warnings_showwarning"] is not None


def _messages() -> Iterator[Setting]:
    yield Setting("warnings filters", _filters, _put_filters, lasting=False)
    yield Setting("functions that show warnings", _warning_functions, _put_warning_functions, lasting=False)
    yield Setting("root logger", _root_logger, _put_root_logger, lasting=False)
    yield Setting("disabled level of logging", lambda: logging.root.manager.disable, _put_disabled)
    yield Setting("class of loggers", lambda: Same(logging.getLoggerClass()), lambda one: logging.setLoggerClass(
        one.held))
    yield Setting("factory of log records", lambda: Same(logging.getLogRecordFactory()), lambda one: (
        logging.setLogRecordFactory(one.held)))
    yield from of_attribute("flag logging.raiseExceptions", logging, "raiseExceptions")
    yield from of_object("handler logging.lastResort", logging, "lastResort")
    yield Setting("logging of warnings", _logs_warnings, logging.captureWarnings)


# ----------------------------------------------------------------- NumPy and random numbers


_random: Any = np.random


def _put_errors(ways: Mapping[str, Any]) -> None:
    np.seterr(**ways)


def _put_print_options(before: Mapping[str, Any]) -> None:
    np.set_printoptions(**before)


def _numbers() -> Iterator[Setting]:
    yield Setting("NumPy error handling", np.geterr, _put_errors)
    yield Setting("NumPy error callback", lambda: Same(np.geterrcall()), lambda one: np.seterrcall(one.held))
    yield Setting("NumPy buffer size", np.getbufsize, np.setbufsize)
    yield Setting("NumPy print options", np.get_printoptions, _put_print_options)
    if hasattr(_random, "get_bit_generator"):
        yield Setting("generator of NumPy", lambda: Same(_random.get_bit_generator()), _put_bit_generator)
    yield from of_object("generator of Python", random, "_inst")


def _put_bit_generator(one: Same) -> None:
    _random.set_bit_generator(one.held)


PYTHON_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "list of replaced functions of Python", replaced_python_functions, restore_python_functions, needed=True,
        quick=commonly_replaced_python_functions,
    ),
    *_interpreter(), *_imports(), *_messages(), *SYSTEM_SETTINGS, *_numbers(),
)
