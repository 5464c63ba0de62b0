"""What is set for the whole process: how it stands, and how it is put back."""

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
from .torch_functions import put_functions, replaced_functions


@dataclass(frozen=True)
class Setting:
    """One thing that is set for the whole process.

    read: how it stands, as a comparable value. put: sets it; None where it cannot be set but by whoever did.
    lasting: whether pytest and the harness leave it alone from the start of the process to its end.
    """

    name: str
    read: Callable[[], Any]
    put: Callable[[Any], object] | None
    lasting: bool = True


def settings(known: Mapping[str, Any] = {}) -> dict[str, Any]:
    """How everything stands, by name; what is `known` is not read again."""
    return {one.name: known[one.name] if one.name in known else one.read() for one in SETTINGS}


def lasting_settings() -> dict[str, Any]:
    """Of those, what nobody but an adapter sets."""
    return {setting.name: setting.read() for setting in SETTINGS if setting.lasting}


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What stands otherwise, as `the default dtype at torch.float64, expected torch.float32 as before`."""
    for name, earlier in before.items():
        if now[name] != earlier:
            yield f"the {name} {_change(earlier, now[name])}"


def _change(earlier: Any, value: Any) -> str:
    if not isinstance(value, list):
        return f"at {value}, expected {earlier} as before"
    more = [str(one) for one in value if one not in earlier]
    fewer = [str(one) for one in earlier if one not in value]
    parts = [f"now also {', '.join(more)}"] * bool(more) + [f"no longer {', '.join(fewer)}"] * bool(fewer)
    return f"otherwise: {' and '.join(parts) or 'in another order'}"


def put_back(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Set what stands otherwise in `now` than in `before`, as far as it can be set; how what lasts stands then."""
    for setting in SETTINGS:
        if setting.put is not None and now[setting.name] != before[setting.name]:
            setting.put(before[setting.name])
    return {one.name: (before if one.put is not None else now)[one.name] for one in SETTINGS if one.lasting}


def random_state() -> dict[str, Any]:
    """The global random states of torch, NumPy and Python, as comparable values."""
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


# ----------------------------------------------------------------- all of it


def _deterministic() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _filters() -> list[Any]:
    """Those that bear on warnings which others give. A package's filter for a category, or for modules, of its own is
    its own affair, and torch imports such packages at odd times."""
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
    Setting("NumPy's error handling", np.geterr, lambda ways: np.seterr(**ways)),
    Setting("list of replaced functions of torch", replaced_functions, put_functions),
    Setting("hooks on every module", _hooks, _put_hooks),
    Setting("working directory", os.getcwd, os.chdir),
    Setting("TF32", device.tf32, device.allow_tf32, lasting=False),
    Setting("warnings filters", _filters, _put_filters, lasting=False),
)
