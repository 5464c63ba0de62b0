"""Process-wide settings of torch that change results, speed or what is shown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextvars import Context, ContextVar, copy_context
from functools import cache
from typing import Any

import torch
import torch.multiprocessing
import torch.utils.checkpoint
from torch import nn

from . import device
from .setting import (
    Remembered,
    Same,
    Setting,
    held,
    is_of_python,
    of_attribute,
    of_functions,
    of_list,
    qualified_name,
)

_C: Any = torch._C
_random: Any = torch.random

# ----------------------------------------------------------------- defaults


def _default_device() -> torch.device:
    return torch.empty(0).device


def _put_default_device(before: torch.device) -> None:
    torch.set_default_device(None)
    if _default_device() != before:
        torch.set_default_tensor_type(torch.FloatTensor)
    if _default_device() != before:
        torch.set_default_device(before)


def _deterministic() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _put_deterministic(on: tuple[bool, bool]) -> None:
    torch.use_deterministic_algorithms(on[0], warn_only=on[1])


def _anomaly() -> tuple[bool, bool]:
    return torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()


def _generators() -> list[Same]:
    return [Same(torch.default_generator), Same(_random.default_generator)]


def _put_generators(before: list[Same]) -> None:
    torch.default_generator, _random.default_generator = held(before)


def _defaults() -> Iterator[Setting]:
    yield Setting("default dtype", torch.get_default_dtype, torch.set_default_dtype)
    yield Setting("default device", _default_device, _put_default_device)
    yield Setting("default generator of torch", _generators, _put_generators)
    yield Setting("thread count", torch.get_num_threads, torch.set_num_threads)
    yield Setting("thread count between operators", torch.get_num_interop_threads, None)
    yield Setting("deterministic algorithms", _deterministic, _put_deterministic)
    home = sys.modules.get("torch.utils.deterministic")  # from torch 2.2 on
    yield from of_attribute("filling of uninitialized memory", home, "fill_uninitialized_memory")
    yield Setting("anomaly detection", _anomaly, lambda on: torch.set_anomaly_enabled(*on))
    yield from of_functions("repetition of warnings", torch, "is_warn_always_enabled", "set_warn_always")
    yield Setting("print options of torch", _print_options, _put_print_options)


def _print_options() -> dict[str, Any]:
    return dict(vars(torch._tensor_str.PRINT_OPTS))


def _put_print_options(before: Mapping[str, Any]) -> None:
    vars(torch._tensor_str.PRINT_OPTS).update(before)


# ----------------------------------------------------------------- autocast


def _autocast() -> dict[str, Any]:
    read: dict[str, Any] = {"the cache": torch.is_autocast_cache_enabled(), "the depth": _autocast_depth()}
    for kind in device.devices():
        read |= {kind: _is_autocast(kind), f"the dtype on {kind}": _autocast_dtype(kind)}
    return read


def _autocast_depth() -> int:
    torch.autocast_increment_nesting()
    return torch.autocast_decrement_nesting()


def _put_autocast(before: Mapping[str, Any]) -> None:
    torch.set_autocast_cache_enabled(before["the cache"])
    for kind in device.devices():
        _set_autocast(kind, before[kind], before[f"the dtype on {kind}"])
    more = before["the depth"] - _autocast_depth()
    for _ in range(abs(more)):
        torch.autocast_increment_nesting() if more > 0 else torch.autocast_decrement_nesting()
    torch.clear_autocast_cache()


if hasattr(torch, "set_autocast_dtype"):
    _is_autocast, _autocast_dtype = torch.is_autocast_enabled, torch.get_autocast_dtype

    def _set_autocast(kind: str, enabled: bool, dtype: torch.dtype) -> None:
        torch.set_autocast_enabled(kind, enabled)
        torch.set_autocast_dtype(kind, dtype)
else:  # up to torch 2.3, functions for each kind
    def _is_autocast(kind: str) -> bool:  # type: ignore[misc]
        return bool(torch.is_autocast_cpu_enabled() if kind == "cpu" else torch.is_autocast_enabled())

    def _autocast_dtype(kind: str) -> torch.dtype:  # type: ignore[misc]
        return torch.get_autocast_cpu_dtype() if kind == "cpu" else torch.get_autocast_gpu_dtype()

    def _set_autocast(kind: str, enabled: bool, dtype: torch.dtype) -> None:
        if kind == "cpu":
            torch.set_autocast_cpu_enabled(enabled)
            torch.set_autocast_cpu_dtype(dtype)
        else:
            torch.set_autocast_enabled(enabled)
            torch.set_autocast_gpu_dtype(dtype)


# ----------------------------------------------------------------- arithmetic and libraries


_SMALLEST = 2.2250738585072014e-308


def _flushes() -> bool:
    """Return whether results below the smallest normal number become zero, which torch only lets one set."""
    return _SMALLEST / 2 == 0.0


FLOAT32 = "precision of float32"
"""The name of the setting that the guard changes in every cell."""

_KINDS = (("generic", "all"), ("mkldnn", "all"), ("mkldnn", "matmul"), ("mkldnn", "conv"), ("mkldnn", "rnn"))
_get_precision = getattr(_C, "_get_fp32_precision_getter", None)
_set_precision = getattr(_C, "_set_fp32_precision_setter", None)


def float32() -> dict[str, Any]:
    """Return the modes in which products and convolutions of float32 are computed; one can change another."""
    kinds = {" ".join(kind): _get_precision(*kind) for kind in _KINDS} if _get_precision is not None else {}
    return {"products": _ask(torch.get_float32_matmul_precision), "TF32": _ask(device.tf32), **kinds}


def _ask(read: Callable[[], Any]) -> Any:
    """Return a mode, or a word for one that torch refuses to read, because two of its interfaces set it differently."""
    try:
        return read()
    except RuntimeError:
        return "mixed"


def _put_float32(before: Mapping[str, Any]) -> None:
    torch.set_float32_matmul_precision(before["products"])
    device.set_tf32(before["TF32"])
    if _set_precision is not None:
        for kind in _KINDS:
            _set_precision(*kind, before[" ".join(kind)])


def _arithmetic() -> Iterator[Setting]:
    yield Setting("flushing of denormal numbers", _flushes, torch.set_flush_denormal)
    yield Setting(FLOAT32, float32, _put_float32, lasting=False)
    for name in ("fp16_reduced_precision_reduction", "bf16_reduced_precision_reduction", "fp16_accumulation"):
        yield from of_functions(f"cuBLAS option {name}", _C, f"_get_cublas_allow_{name}", f"_set_cublas_allow_{name}")


_FLAGS = (
    ("mkldnn", "mkldnn_enabled"), ("deterministic mode of mkldnn", "mkldnn_deterministic"),
    ("NNPACK", "nnpack_enabled"), ("cuDNN", "cudnn_enabled"), ("benchmark mode of cuDNN", "cudnn_benchmark"),
    ("deterministic mode of cuDNN", "cudnn_deterministic"), ("quantized engine", "qengine"),
    ("fallback of autograd", "autograd_fallback_mode"), ("broadcast warning", "backcompat_broadcast_warn"),
    ("keepdim warning", "backcompat_keepdim_warn"),
    ("half precision in attention", "math_sdp_allow_fp16_bf16_reduction"),
    ("priority of attention kernels", "sdp_priority_order"),
)
"""Names of settings, with the common part of the two functions in `torch._C` that read and set them."""

_ATTENTION = ("flash", "mem_efficient", "math", "cudnn", "overrideable")


def _libraries() -> Iterator[Setting]:
    for name, function in _FLAGS:
        yield from of_functions(name, _C, f"_get_{function}", f"_set_{function}")
    for kind in _ATTENTION:
        setter = f"_set_sdp_use_{kind}"
        yield from of_functions(f"{kind} attention", _C, f"_get_{kind}_sdp_enabled", setter)
    mha = sys.modules.get("torch.backends.mha")
    yield from of_functions("fast path of attention", mha, "get_fastpath_enabled", "set_fastpath_enabled")
    einsum = sys.modules.get("torch.backends.opt_einsum")
    yield from of_attribute("opt_einsum", einsum, "enabled")
    yield from of_attribute("strategy of opt_einsum", einsum, "strategy")
    yield from of_functions(
        "checks of sparse tensors", _C, "_check_sparse_tensor_invariants", "_set_check_sparse_tensor_invariants"
    )
    kind = device.accelerator()
    accelerator = device.namespace(kind) if kind else None
    yield from of_functions(f"current {kind} device", accelerator, "current_device", "set_device")
    if kind == "cuda":
        yield from of_functions("sync debug mode of CUDA", accelerator, "get_sync_debug_mode", "set_sync_debug_mode")
        for name, part in (("linear algebra", "linalg"), ("products", "blas")):
            functions = f"_get_{part}_preferred_backend", f"_set_{part}_preferred_backend"
            yield from of_functions(f"preferred library for {name}", _C, *functions)


# ----------------------------------------------------------------- modules, saving, checkpoints, processes


_SERIALIZATION = (
    ("byte order of torch.load", "default_load_endianness"), ("mmap options of torch.load", "default_mmap_options"),
    ("checksums of torch.save", "crc32_options"),
)


def _libraries_of_python() -> Iterator[Setting]:
    future = torch.__future__
    for name in ("overwrite_module_params_on_conversion", "swap_module_params_on_conversion"):
        yield from of_functions(f"flag {name}", future, f"get_{name}", f"set_{name}")
    for name, function in _SERIALIZATION:
        yield from of_functions(name, torch.serialization, f"get_{function}", f"set_{function}")
    if hasattr(torch.serialization, "get_safe_globals"):
        yield Setting("safe globals of torch.load", _safe_globals, _put_safe_globals, needed=True)
    yield from of_attribute("cache depth of parametrize", nn.utils.parametrize, "_cache_enabled")
    yield from of_attribute("early stop of checkpoints", torch.utils.checkpoint, "_enable_checkpoint_early_stop")
    yield from of_attribute("debug mode of checkpoints", torch.utils.checkpoint, "_checkpoint_debug_enabled")
    yield from of_functions(
        "sharing strategy", torch.multiprocessing, "get_sharing_strategy", "set_sharing_strategy"
    )
    yield of_list("registered storages of torch.load", torch.serialization._package_registry)


def _safe_globals() -> list[Same]:
    """Return the safe globals that belong to Python or NumPy, sorted by name."""
    return _SAFE_GLOBALS.of([*torch.serialization.get_safe_globals()])


_SAFE_GLOBALS = Remembered(
    lambda every: sorted((Same(one) for one in every if is_of_python(one)), key=_by_name)
)


def _by_name(one: Same) -> str:
    return qualified_name(one.held)


def _put_safe_globals(before: list[Same]) -> None:
    every = torch.serialization.get_safe_globals()
    own = [one for one in every if not is_of_python(one)]
    torch.serialization.clear_safe_globals()
    torch.serialization.add_safe_globals([*held(before), *own])


# ----------------------------------------------------------------- compilers


def _swap(name: str) -> Iterator[tuple[Any, Any]]:
    """Yield functions that read and set an option of the JIT whose setter returns the previous value."""
    if (put := getattr(_C, name, None)) is not None:
        def read() -> Any:
            before = put(True)
            put(before)
            return before

        yield read, put


def _compilers() -> Iterator[Setting]:
    for name, function in (("JIT's profiling executor", "_jit_set_profiling_executor"),
                           ("JIT's profiling mode", "_jit_set_profiling_mode"),
                           ("JIT's autocast", "_jit_set_autocast_mode")):
        yield from (Setting(name, *pair) for pair in _swap(function))
    yield from of_functions(
        "JIT's optimizer", _C, "_get_graph_executor_optimize", "_set_graph_executor_optimize"
    )
    yield from of_functions(
        "JIT's inlining", _C, "_jit_get_inline_everything_mode", "_jit_set_inline_everything_mode"
    )
    yield from of_functions("JIT's profiled runs", _C, "_jit_get_num_profiled_runs", "_jit_set_num_profiled_runs")
    yield from of_functions("JIT's fuser", _C, "_jit_texpr_fuser_enabled", "_jit_set_texpr_fuser_enabled")
    yield from of_functions("JIT's fusion on the CPU", _C, "_jit_can_fuse_on_cpu", "_jit_override_can_fuse_on_cpu")
    state = getattr(torch.jit, "_state", None)
    yield from of_attribute("JIT switch", getattr(state, "_enabled", None), "enabled")
    for config in ("torch._dynamo.config", "torch._functorch.config", "torch._inductor.config"):
        yield _config(config)
    yield Setting("stance of torch.compile", _stance, _put_stance)


_UNSET: Any = getattr(sys.modules.get("torch.utils._config_module"), "_UNSET_SENTINEL", object())
"""The value of an option that was not set."""


def _config(name: str) -> Setting:
    """Return the setting that consists of all options of a configuration module of the compiler."""

    def put(before: Mapping[str, Any]) -> None:
        module: Any = sys.modules[name]
        for option in {**before, **_set_options(name)}:
            _put_option(module, option, before.get(option, _UNSET))

    return Setting(f"options of {name}", lambda: _set_options(name), put)


_last: dict[str, tuple[object, Context, dict[str, Any]]] = {}


def _set_options(name: str) -> dict[str, Any]:
    """Return the options that were set; none if the module was not imported yet.

    They are looked up again only if a context variable was set since the last time, where each option is one.
    """
    module: Any = sys.modules.get(name)
    if module is None:
        return {}
    context = copy_context()
    if name in _last and _last[name][0] is module and _last[name][1] == context:
        return _last[name][2]
    options = _options_of(module, name)
    if _is_by_context(name):
        _last[name] = module, context, options
    return options


def _options_of(module: Any, name: str) -> dict[str, Any]:
    config = module._config
    if "_default" in vars(module):  # up to torch 2.4, the options are plain values
        defaults = module._default
        return {option: value for option, value in config.items() if value != defaults.get(option, _UNSET)}
    found = [(option, value) for option, read in _readers(name) if (value := read(_UNSET)) is not _UNSET]
    return {option: value for option, value in found if value != config[option].default}


@cache
def _readers(name: str) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    """Return, by option, the function that returns the value it was set to, or else its argument."""
    module: Any = sys.modules[name]
    return tuple((option, _reader(entry)) for option, entry in module._config.items())


@cache
def _is_by_context(name: str) -> bool:
    """Return whether every option of a configuration module is a context variable, as in recent releases of torch."""
    entries = sys.modules[name]._config.values()
    return all(isinstance(getattr(entry, "user_override", None), ContextVar) for entry in entries)


def _reader(entry: Any) -> Callable[[Any], Any]:
    value = entry.user_override
    return value.get if isinstance(value, ContextVar) else lambda unset: entry.user_override


def _put_option(module: Any, option: str, value: Any) -> None:
    entry = module._config[option]
    if not hasattr(entry, "user_override"):
        module._config[option] = module._default[option] if value is _UNSET else value
    elif isinstance(entry.user_override, ContextVar):
        entry.user_override.set(value)
    else:
        entry.user_override = value
    module._is_dirty = True


def _stance() -> str:
    """Return torch.compile's stance as text; `default` as long as the compiler was not imported."""
    stance = getattr(sys.modules.get("torch._dynamo.eval_frame"), "_stance", None)
    return str(getattr(stance, "stance", "default"))


def _put_stance(before: str) -> None:
    torch.compiler.set_stance(before)


NUMERIC_SETTINGS: tuple[Setting, ...] = (
    *_defaults(), Setting("autocast", _autocast, _put_autocast), *_arithmetic(), *_libraries(),
    *_libraries_of_python(), *_compilers(),
)
