"""Process-wide settings: read, compare and restore them."""

from __future__ import annotations

import os
import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from . import device
from .torch_functions import replaced_functions, restore_functions


@dataclass(frozen=True)
class Setting:
    """One process-wide setting.

    Attributes:
        name: Its name in messages.
        read: Returns a comparable value.
        put: Sets such a value; None if only the code that changed the setting can change it back.
        lasting: Whether pytest and the harness leave it unchanged during the whole process.
    """

    name: str
    read: Callable[[], Any]
    put: Callable[[Any], object] | None
    lasting: bool = True


def settings(known: Mapping[str, Any] = {}) -> dict[str, Any]:
    """Return the value of every setting by name; those that are `known` are not read again."""
    return {one.name: known[one.name] if one.name in known else one.read() for one in SETTINGS}


def lasting_settings() -> dict[str, Any]:
    """Return the values of the settings that nothing but an adapter changes."""
    return {setting.name: setting.read() for setting in SETTINGS if setting.lasting}


def describe_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield a description of every changed setting.

    An example is `the default dtype to torch.float64, expected torch.float32`.
    """
    for name, earlier in before.items():
        if now[name] != earlier:
            yield f"the {name}{_describe_change(earlier, now[name])}"


def _describe_change(earlier: Any, value: Any) -> str:
    if not isinstance(value, list):
        return f" to {value}, expected {earlier}"
    more = [str(one) for one in value if one not in earlier]
    fewer = [str(one) for one in earlier if one not in value]
    parts = [f"added {', '.join(more)}"] * bool(more) + [f"removed {', '.join(fewer)}"] * bool(fewer)
    return f": {' and '.join(parts) or 'reordered'}"


def restore_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Restore the settings that differ between `before` and `now`, where possible.

    Returns:
        The values of the lasting settings after that.
    """
    for setting in SETTINGS:
        if setting.put is not None and now[setting.name] != before[setting.name]:
            setting.put(before[setting.name])
    return {one.name: (before if one.put is not None else now)[one.name] for one in SETTINGS if one.lasting}


def random_state() -> dict[str, Any]:
    """Return the global random states of torch, NumPy and Python, as comparable values."""
    kind, keys, *rest = np.random.get_state(legacy=True)
    return {
        "torch": _bytes(torch.get_rng_state()),
        "numpy": (kind, np.asarray(keys).tobytes(), *rest),
        "python": random.getstate(),
        "the accelerator": [_bytes(state) for state in device.random_states()],
    }


def _bytes(state: torch.Tensor) -> bytes:
    return state.cpu().numpy().tobytes()


# ----------------------------------------------------------------- hooks on every module


_HOOKS = tuple(name for name in vars(nn.modules.module) if name.startswith("_global_") and name.endswith("_hooks"))


def _hooks() -> list[tuple[str, int]]:
    return [(name, id) for name in _HOOKS for id in getattr(nn.modules.module, name)]


def _put_hooks(kept: list[tuple[str, int]]) -> None:
    for name, id in _hooks():
        if (name, id) not in kept:
            del getattr(nn.modules.module, name)[id]


# ----------------------------------------------------------------- all settings


def _deterministic() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _filters() -> list[Any]:
    """Return the warning filters that affect other packages' warnings.

    A filter for a category or a module of its own is a package's own affair, and torch imports such packages at any
    time.
    """
    return [entry for entry in warnings.filters if _is_everyones(entry[2], entry[3])]


def _is_everyones(category: Any, module: object) -> bool:
    return module is None and category.__module__.partition(".")[0] in ("builtins", "torch", "numpy")


def _put_filters(kept: list[Any]) -> None:
    others = [entry for entry in warnings.filters if not _is_everyones(entry[2], entry[3])]
    warnings.resetwarnings()
    warnings.filters[:] = kept + others  # type: ignore[index]


SETTINGS = (
    Setting("default dtype", torch.get_default_dtype, torch.set_default_dtype),
    Setting("default device", lambda: torch.empty(0).device, torch.set_default_device),
    Setting("grad mode", torch.is_grad_enabled, torch.set_grad_enabled),
    Setting("inference mode", torch.is_inference_mode_enabled, None),
    Setting("thread count", torch.get_num_threads, torch.set_num_threads),
    Setting("deterministic algorithms", _deterministic, lambda on: torch.use_deterministic_algorithms(
        on[0], warn_only=on[1])),
    Setting("NumPy error handling", np.geterr, lambda ways: np.seterr(**ways)),
    Setting("list of replaced functions of torch", replaced_functions, restore_functions),
    Setting("hooks on every module", _hooks, _put_hooks),
    Setting("working directory", os.getcwd, os.chdir),
    Setting("TF32 mode", device.tf32, device.set_tf32, lasting=False),
    Setting("warnings filters", _filters, _put_filters, lasting=False),
)
