"""Process-wide settings: read, compare and restore them.

The list is in `torch_settings.py`, `torch_hooks.py`, `python_settings.py` and `system_settings.py`; `docs/process.md`
shows all of it.
"""

from __future__ import annotations

import ctypes
import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import torch

from . import device
from .python_settings import PYTHON_SETTINGS, RECURSION_LIMIT
from .setting import Setting, Unreadable, describe_change
from .torch_functions import commonly_replaced_functions, replaced_functions, restore_functions
from .torch_hooks import HOOKS_AND_MODES
from .torch_settings import NUMERIC_SETTINGS

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "list of replaced functions of torch", replaced_functions, restore_functions, needed=True,
        quick=commonly_replaced_functions,
    ),
    *HOOKS_AND_MODES,
    *NUMERIC_SETTINGS,
    *PYTHON_SETTINGS,
)
"""Every setting, in the order in which they are restored: functions first, with which others are set."""


SET_BY_CASES = frozenset((
    *(one.name for one in HOOKS_AND_MODES),
    "default dtype", "default device", "thread count", "anomaly detection", "autocast", "environment",
    "folder of temporary files", "tracing of allocations", "warnings filters",
))
"""The settings that a case, or pytest, may itself have changed when it calls the sparsifier."""

_READERS = [(one.name, one.read) for one in SETTINGS]
_QUICK_READERS = [(one.name, one.quick or one.read) for one in SETTINGS]
_NOT_SET_BY_CASES = [one.name for one in SETTINGS if one.name not in SET_BY_CASES]
_LASTING = [one.name for one in SETTINGS if one.lasting]


def settings(known: Mapping[str, Any] = {}, quick: bool = False) -> dict[str, Any]:
    """Return the value of every setting by name.

    Args:
        known: Values that are not read again.
        quick: Whether to read the settings that have a quick way in that way.
    """
    readers = _QUICK_READERS if quick else _READERS
    try:
        return {name: known[name] if name in known else read() for name, read in readers}
    except Exception:  # one at least is unreadable
        return {one.name: known[one.name] if one.name in known else _value(one) for one in SETTINGS}


def settings_since(before: Mapping[str, Any], quick: bool = False) -> dict[str, Any]:
    """Return the value of every setting, read under the recursion limit that was in force `before`.

    Under a limit of 60, which a sparsifier may have left, nothing else could be read.
    """
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(before[RECURSION_LIMIT])
    now = settings(quick=quick)
    return {**now, RECURSION_LIMIT: limit}


def _value(one: Setting) -> Any:
    try:
        return one.read()
    except Exception as error:
        return Unreadable(f"unreadable ({type(error).__name__})")


def not_set_by_cases(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the settings that no case changes itself, among those of all."""
    return {name: values[name] for name in _NOT_SET_BY_CASES}


def describe_changes(
    before: Mapping[str, Any], now: Mapping[str, Any], left: Mapping[str, Any] = {}
) -> Iterator[str]:
    """Yield a description of every changed setting.

    An example is `the default dtype to torch.float64, expected torch.float32`.

    Args:
        before: The values that are expected.
        now: The values that were found.
        left: The values after they were restored, to say which could not be.
    """
    for name, earlier in () if now == before else before.items():
        if now[name] != earlier:
            remains = ", which cannot be undone" if left.get(name, earlier) != earlier else ""
            yield f"the {name}{describe_change(earlier, now[name])}{remains}"


def restore_settings(before: Mapping[str, Any], now: Mapping[str, Any], but_needed: bool = False) -> dict[str, Any]:
    """Restore the settings that differ between `before` and `now`, where possible.

    Args:
        before: The values to restore.
        now: The values that were found.
        but_needed: Whether to leave alone what a package may need from its import.

    Returns:
        The values of all settings after that.
    """
    if now == before:
        return dict(now)
    changed = [one for one in SETTINGS if now[one.name] != before[one.name]]
    for one in changed:
        if one.put is not None and not (but_needed and one.needed):
            _restore(one, before[one.name])
    return {**now, **{one.name: _value(one) for one in changed}}


def _restore(one: Setting, value: Any) -> None:
    assert one.put is not None
    with suppress(Exception):  # the value is read again, and the change is reported as one that remains
        one.put(value)


def lasting(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the lasting settings among those of all."""
    return {name: values[name] for name in _LASTING}


def random_state() -> dict[str, Any]:
    """Return the global random states of torch, NumPy and Python, as comparable values."""
    return {
        "torch": _bytes(torch.get_rng_state()),
        "numpy": _numpy_state(),
        "python": random.getstate(),
        "the accelerator": [_bytes(state) for state in device.random_states()],
    }


_KEYS_AND_POSITION = 625 * 4
"""The size of a Mersenne Twister's state in NumPy, in bytes: 624 keys and a position."""


def _numpy_state() -> object:
    """Return NumPy's global random state; for its usual generator from memory, since `get_state` takes 0.1 ms."""
    generator = _generator_of_numpy()
    if type(generator) is np.random.MT19937:
        return ctypes.string_at(generator.ctypes.state_address, _KEYS_AND_POSITION)
    kind, keys, *rest = np.random.get_state(legacy=True)
    return kind, np.asarray(keys).tobytes(), *rest


def _generator_of_numpy() -> object:
    """Return the generator behind the functions of `numpy.random`; None before NumPy 1.24, which does not show it."""
    get = getattr(np.random, "get_bit_generator", None)
    return None if get is None else get()


def _bytes(state: torch.Tensor) -> bytes:
    return state.cpu().numpy().tobytes()
