"""Process-wide settings of the operating system: folder, environment, signals, limits."""

from __future__ import annotations

import locale
import os
import resource
import signal
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from .setting import Hidden, Remembered, Same, Setting, of_attribute, of_functions, same

_OF_OTHERS = (
    "PYTEST_CURRENT_TEST", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "TRITON_PTXAS_PATH", "TRITON_LIBDEVICE_PATH",
    "TORCH_WARM_POOL", "_TORCHINDUCTOR_PYOBJECT_TENSOR_DATA_PTR", "CUBLAS_WORKSPACE_CONFIG", "KMP_DUPLICATE_LIB_OK",
    "DISABLE_CUPTI_LAZY_REINIT", "TEARDOWN_CUPTI",
)
"""Variables that pytest sets for every test, and torch when it first compiles or profiles."""


_NAMES_OF_OTHERS = frozenset((*_OF_OTHERS, *map(os.fsencode, _OF_OTHERS)))


def _own_variables(entries: Sequence[Any]) -> dict[Any, Any]:
    """Return the variables that are nobody else's, given all names and then their values."""
    half = len(entries) // 2
    pairs = zip(entries[:half], entries[half:], strict=True)
    return Hidden((name, value) for name, value in pairs if name not in _NAMES_OF_OTHERS)


_VARIABLES = Remembered(_own_variables)


def _environment() -> dict[Any, Any]:
    """Return the environment variables, but for those of pytest and torch."""
    every = getattr(os.environ, "_data", os.environ)
    return _VARIABLES.of([*every, *every.values()])


def _put_environment(before: Mapping[Any, Any]) -> None:
    decode = os.fsdecode
    wanted = {decode(name): decode(value) for name, value in before.items()}
    for name in [name for name in os.environ if name not in wanted and name not in _OF_OTHERS]:
        del os.environ[name]
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def _mask() -> int:
    mask = os.umask(0o22)
    os.umask(mask)
    return mask


_SIGNALS = {int(number): getattr(number, "name", f"signal {number}") for number in signal.valid_signals()}


_signal: Any = import_module("_signal")
"""`signal.getsignal` would make enum members of numbers."""


_SAME_HANDLERS = Remembered(lambda handlers: dict(zip(_SIGNALS.values(), same(handlers), strict=True)))


def _handlers() -> dict[str, Same]:
    """Return the handler of each signal by its name."""
    return _SAME_HANDLERS.of([*map(_signal.getsignal, _SIGNALS)])


def _put_handlers(before: Mapping[str, Same]) -> None:
    for number, name in _SIGNALS.items():
        handler = before[name].held
        if handler is not None and _signal.getsignal(number) is not handler:
            signal.signal(number, handler)


def _blocked() -> list[Any]:
    return sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


def _put_blocked(before: list[Any]) -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


_LIMITS = {
    name: getattr(resource, name) for name in
    ("RLIMIT_AS", "RLIMIT_DATA", "RLIMIT_STACK", "RLIMIT_NOFILE", "RLIMIT_FSIZE", "RLIMIT_CPU", "RLIMIT_NPROC")
    if hasattr(resource, name)
}


def _limits() -> dict[str, int]:
    """Return the soft limits of resources, which may be raised again up to the hard ones."""
    return {name: resource.getrlimit(number)[0] for name, number in _LIMITS.items()}


def _put_limits(before: Mapping[str, int]) -> None:
    for name, soft in before.items():
        resource.setrlimit(_LIMITS[name], (soft, resource.getrlimit(_LIMITS[name])[1]))


def _system() -> Iterator[Setting]:
    yield Setting("working directory", os.getcwd, os.chdir)
    yield Setting("environment", _environment, _put_environment, needed=True)
    yield Setting("umask", _mask, os.umask)
    tempfile.gettempdir()  # found on the first call, and kept
    yield from of_attribute("folder of temporary files", tempfile, "tempdir")
    yield from of_functions("default time limit of sockets", socket, "getdefaulttimeout", "setdefaulttimeout")
    yield Setting("locale", lambda: locale.setlocale(locale.LC_ALL), lambda one: locale.setlocale(locale.LC_ALL, one))
    yield Setting("signal handlers", _handlers, _put_handlers, lasting=False)
    if hasattr(signal, "pthread_sigmask"):
        yield Setting("blocked signals", _blocked, _put_blocked)
    if hasattr(os, "sched_getaffinity"):
        yield Setting("set of processors", lambda: os.sched_getaffinity(0), lambda one: os.sched_setaffinity(0, one))
    yield Setting("limits of resources", _limits, _put_limits)


SYSTEM_SETTINGS: tuple[Setting, ...] = (*_system(),)
