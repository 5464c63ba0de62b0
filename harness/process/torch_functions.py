"""Detect functions of torch that have been replaced, and restore them."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.utils.parametrize
import torch.nn.utils.prune
from torch import nn

from .namespaces import Watch


def _homes() -> Iterator[Any]:
    """Yield the modules and classes of torch whose functions are commonly called."""
    yield from (torch, nn.functional, nn.init, torch.jit, nn.utils.parametrize, nn.utils.prune)
    yield from dict.fromkeys((torch.Tensor, *_classes(nn), *_classes(torch.optim)))


def _classes(module: Any) -> Iterator[type]:
    return (value for value in vars(module).values() if isinstance(value, type))


_TORCH = str(Path(torch.__file__).parent) + os.sep
_ORIGINALS = {
    home: {name: value for name, value in vars(home).items() if callable(value) and not isinstance(value, type)}
    for home in _homes()
}


def replaced_functions() -> list[str]:
    """Return the qualified names of the torch functions that are replaced by code outside torch.

    Replacements by torch itself do not count: it wraps some functions when it first exports or compiles.
    """
    return [_qualified(home, name) for home, name in _REPLACED.find()]


def restore_functions(kept: Collection[str]) -> None:
    """Restore all functions except those named in `kept` to the state in which this module was imported."""
    for home, name in _REPLACED.find():
        if _qualified(home, name) not in kept:
            setattr(home, name, _ORIGINALS[home][name])


def _qualified(home: Any, name: str) -> str:
    return f"{getattr(home, '__qualname__', home.__name__)}.{name}"


def _replaced() -> Iterator[tuple[Any, str]]:
    """Yield the replaced functions, compared by identity alone, since a replacement can claim to equal anything."""
    return ((home, name) for home in _ORIGINALS for name in _others(home))


def _others(home: Any) -> Iterator[str]:
    originals, now = _ORIGINALS[home], vars(home)
    for name in [name for name, original in originals.items() if now.get(name) is not original]:
        if _is_torchs(now.get(name)):
            originals[name] = now[name]
        else:
            yield name


def _is_torchs(function: Any) -> bool:
    code = getattr(function, "__code__", None)
    return code is not None and code.co_filename.startswith(_TORCH)


_REPLACED = Watch(map(vars, _ORIGINALS), _replaced)
