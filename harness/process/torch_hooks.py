"""Hooks and modes of torch: code that runs at every call of a module, an optimizer or an operator."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import torch
from torch import nn
from torch.autograd import forward_ad
from torch.utils import _python_dispatch

from .setting import Same, Setting, of_functions

_C: Any = torch._C

# ----------------------------------------------------------------- hooks on every module and optimizer


_OPTIMIZER: Any = import_module("torch.optim.optimizer")  # no attribute of torch.optim


def _registries(home: Any) -> dict[str, Any]:
    """Return the dictionaries of global hooks in a module, by name."""
    return {
        name: value for name, value in vars(home).items() if name.startswith("_global_") and name.endswith("_hooks")
    }


_MODULE_HOOKS = _registries(nn.modules.module)
_OPTIMIZER_HOOKS = _registries(_OPTIMIZER)

Hooks = list[tuple[str, int, Same]]


def _hooks(home: Any, registries: dict[str, Any]) -> Hooks:
    return [(name, id, Same(hook)) for name in registries for id, hook in getattr(home, name).items()]


def _put_hooks(home: Any, registries: dict[str, Any], before: Hooks) -> None:
    for name, hooks in registries.items():
        setattr(home, name, hooks)
        hooks.clear()
        hooks.update({id: hook.held for place, id, hook in before if place == name})


def _optimizer_hooks() -> Hooks:
    return _hooks(_OPTIMIZER, _OPTIMIZER_HOOKS)


def _put_optimizer_hooks(before: Hooks) -> None:
    _put_hooks(_OPTIMIZER, _OPTIMIZER_HOOKS, before)


def _backward_kind() -> object:
    return getattr(nn.modules.module, "_global_is_full_backward_hook", None)


def _module_hooks() -> tuple[Hooks, object]:
    return _hooks(nn.modules.module, _MODULE_HOOKS), _backward_kind()


def _put_module_hooks(before: tuple[Hooks, object]) -> None:
    _put_hooks(nn.modules.module, _MODULE_HOOKS, before[0])
    if hasattr(nn.modules.module, "_global_is_full_backward_hook"):
        nn.modules.module._global_is_full_backward_hook = before[1]  # type: ignore[assignment]


def _saved_tensor_hooks() -> list[Same]:
    """Return the innermost pair of hooks on saved tensors; torch does not show the others."""
    pair = _top_hooks()
    return [] if pair is None else [Same(one) for one in pair]


def _top_hooks() -> Any:
    try:
        return _C._autograd._top_saved_tensors_default_hooks(False)
    except TypeError:  # torch 2.1 takes no argument
        return _C._autograd._top_saved_tensors_default_hooks()


def _put_saved_tensor_hooks(before: list[Same]) -> None:
    while _saved_tensor_hooks() not in ([], before):
        _C._autograd._pop_saved_tensors_default_hooks()
    if _saved_tensor_hooks() != before:
        _C._autograd._push_saved_tensors_default_hooks(*(one.held for one in before))


# ----------------------------------------------------------------- modes


def _function_modes() -> list[Same]:
    return [Same(_C._get_function_stack_at(place)) for place in range(_C._len_torch_function_stack())]


def _put_function_modes(before: list[Same]) -> None:
    while _C._len_torch_function_stack():
        _C._pop_torch_function_stack()
    for mode in before:
        _C._push_on_torch_function_stack(mode.held)
    torch._GLOBAL_DEVICE_CONTEXT.device_context = next(  # type: ignore[attr-defined,unused-ignore]
        (one.held for one in before if type(one.held).__name__ == "DeviceContext"), None
    )


def _dispatch_modes() -> list[Same]:
    if not _C._len_torch_dispatch_stack():
        return []
    return [Same(mode) for mode in _python_dispatch._get_current_dispatch_mode_stack()]


def _put_dispatch_modes(before: list[Same]) -> None:
    while len(_dispatch_modes()) > len(before):
        _python_dispatch._pop_mode()


def _function_override() -> bool:
    return bool(_C._is_torch_function_enabled())


def _exit_dual_levels(before: int) -> None:
    while forward_ad._current_level > before:
        forward_ad.exit_dual_level()


def _leave_transforms(before: int) -> None:
    _C._functorch.pop_dynamic_layer_stack_and_undo_to_depth(before)


def _modes() -> Iterator[Setting]:
    yield Setting("grad mode", torch.is_grad_enabled, torch.set_grad_enabled)
    yield Setting("inference mode", torch.is_inference_mode_enabled, None)
    yield Setting("stack of torch function modes", _function_modes, _put_function_modes)
    yield Setting("stack of torch dispatch modes", _dispatch_modes, _put_dispatch_modes)
    yield Setting("overriding by __torch_function__", _function_override, None)
    yield from of_functions("forward grad mode", _C, "_is_fwd_grad_enabled", "_set_fwd_grad_enabled")
    yield from of_functions(
        "multithreading of autograd", _C, "_is_multithreading_enabled", "_set_multithreading_enabled"
    )
    yield from of_functions("replay of views", _C, "_is_view_replay_enabled", "_set_view_replay_enabled")
    yield Setting("level of forward differentiation", lambda: forward_ad._current_level, _exit_dual_levels)
    if hasattr(_C._functorch, "get_dynamic_layer_stack_depth"):
        yield Setting("depth of functorch", _C._functorch.get_dynamic_layer_stack_depth, _leave_transforms)
    if hasattr(torch.autograd, "_profiler_enabled"):
        yield Setting("profiler", torch.autograd._profiler_enabled, None)


def _hook_settings() -> Iterator[Setting]:
    yield Setting("hooks on every module", _module_hooks, _put_module_hooks, needed=True)
    yield Setting("hooks on every optimizer", _optimizer_hooks, _put_optimizer_hooks, needed=True)
    yield Setting("hooks on saved tensors", _saved_tensor_hooks, _put_saved_tensor_hooks)
    if hasattr(_C._autograd, "_saved_tensors_hooks_get_disabled_error_message"):
        yield Setting("ban of hooks on saved tensors", _ban, _put_ban)
    yield Setting("operators of torch with another implementation", _implementations, None, needed=True)


def _ban() -> str | None:
    message: str | None = _C._autograd._saved_tensors_hooks_get_disabled_error_message()
    return message


def _put_ban(before: str | None) -> None:
    if before is None:
        _C._autograd._saved_tensors_hooks_enable()
    else:
        _C._autograd._saved_tensors_hooks_disable(before)


# ----------------------------------------------------------------- operators


_JUDGED_KEYS = ("/CPU", "/CUDA", "/AutogradCPU", "/AutogradCUDA", "/Autograd", "/CompositeImplicitAutograd")
_read: dict[int, list[str]] = {}


def _implementations() -> list[str]:
    """Return the operators of torch that Python code has given an implementation; a Library can take it back.

    The set of all implementations only grows but for that, so that it is read again when its size has changed.
    """
    every = getattr(sys.modules.get("torch.library"), "_impls", ())
    if len(every) not in _read:
        _read.clear()
        _read[len(every)] = sorted(one for one in every if one.startswith("aten/") and one.endswith(_JUDGED_KEYS))
    return _read[len(every)]


HOOKS_AND_MODES: tuple[Setting, ...] = (*_hook_settings(), *_modes())
