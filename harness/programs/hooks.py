"""A user's hooks that count their calls, on the sparse model and on its twin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from torch import nn
from torch.utils.hooks import RemovableHandle

from ..values.steps import AddHook

_REGISTER: dict[str, str] = {
    "forward_pre": "register_forward_pre_hook",
    "forward": "register_forward_hook",
    "full_backward": "register_full_backward_hook",
    "state_dict": "register_state_dict_pre_hook",
}


def add_hook(module: nn.Module, step: AddHook, name: str, calls: Counter[str]) -> RemovableHandle:
    """Register a hook that counts its calls in `calls`, under the name of its module, and return its handle."""
    hook = _counting(f"{step.kind} hook of {name or 'the model'}", calls)
    handle: RemovableHandle = getattr(module, _REGISTER[step.kind])(hook)
    return handle


def _counting(name: str, calls: Counter[str]) -> Callable[..., None]:
    def hook(*_: Any) -> None:
        calls[name] += 1

    return hook
