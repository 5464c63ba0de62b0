"""One deed for every process-wide setting that can be restored: it changes the setting, and nothing puts it back."""

from __future__ import annotations

import copyreg
import decimal
import faulthandler
import gc
import io
import locale
import logging
import math
import multiprocessing
import os
import random
import resource
import signal
import socket
import sys
import tempfile
import threading
import tracemalloc
import types
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import torch
import torch._dynamo
import torch._inductor.config
import torch.multiprocessing
import torch.utils.checkpoint
import torch.utils.deterministic
from torch import nn
from torch.autograd import forward_ad, graph
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

_C: Any = torch._C
_RANDOM: Any = np.random
_KEPT: list[Any] = []
"""Context managers that were entered, so that none is left when it is collected."""


def _enter(context: Any) -> None:
    _KEPT.append(context)
    context.__enter__()


def _nothing(*args: Any, **kwargs: Any) -> None:
    return None


def dense_linear(inputs: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return inputs @ weight.t()


def _flip(getter: str, setter: str) -> Callable[[], object]:
    return lambda: getattr(_C, setter)(not getattr(_C, getter)())


def _flag(name: str) -> Callable[[], object]:
    return _flip(f"_get_{name}", f"_set_{name}")


def _attention(kind: str) -> Callable[[], object]:
    return _flip(f"_get_{kind}_sdp_enabled", f"_set_sdp_use_{kind}")


def _cublas(name: str) -> Callable[[], object]:
    def act() -> None:
        now = getattr(_C, f"_get_cublas_allow_{name}")()
        getattr(_C, f"_set_cublas_allow_{name}")(*((not now[0], now[1]) if isinstance(now, tuple) else (not now,)))

    return act


def _option(config: Any, name: str) -> Callable[[], object]:
    return lambda: setattr(config, name, not getattr(config, name))


_TORCH: dict[str, Callable[[], object]] = {
    "list of replaced functions of torch": lambda: setattr(functional, "linear", dense_linear),
    "hooks on every module": lambda: nn.modules.module.register_module_forward_hook(_nothing),
    "hooks on every optimizer": lambda: import_module(
        "torch.optim.optimizer").register_optimizer_step_post_hook(_nothing),
    "hooks on saved tensors": lambda: _enter(graph.saved_tensors_hooks(lambda one: one, lambda one: one)),
    "ban of hooks on saved tensors": lambda: _enter(graph.disable_saved_tensors_hooks("not here")),
    "grad mode": lambda: torch.set_grad_enabled(False),
    "stack of torch function modes": lambda: _enter(TorchFunctionMode()),
    "stack of torch dispatch modes": lambda: _enter(TorchDispatchMode()),
    "forward grad mode": _flip("_is_fwd_grad_enabled", "_set_fwd_grad_enabled"),
    "multithreading of autograd": _flip("_is_multithreading_enabled", "_set_multithreading_enabled"),
    "replay of views": _flip("_is_view_replay_enabled", "_set_view_replay_enabled"),
    "level of forward differentiation": lambda: forward_ad.enter_dual_level(),
    "depth of functorch": lambda: _C._functorch._grad_increment_nesting(),
    "default dtype": lambda: torch.set_default_dtype(torch.float64),
    "default device": lambda: torch.set_default_device("meta"),
    "default generator of torch": lambda: setattr(torch, "default_generator", torch.Generator()),
    "thread count": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "deterministic algorithms": lambda: torch.use_deterministic_algorithms(True),
    "filling of uninitialized memory": lambda: setattr(
        torch.utils.deterministic, "fill_uninitialized_memory", False),
    "anomaly detection": lambda: torch.set_anomaly_enabled(True, False),
    "repetition of warnings": lambda: torch.set_warn_always(True),
    "print options of torch": lambda: torch.set_printoptions(precision=1),
    "autocast": lambda: _enter(torch.autocast("cpu", torch.float16)),
    "flushing of denormal numbers": lambda: torch.set_flush_denormal(True),
    "precision of float32": lambda: torch.set_float32_matmul_precision("medium"),
    "cuBLAS option fp16_reduced_precision_reduction": _cublas("fp16_reduced_precision_reduction"),
    "cuBLAS option bf16_reduced_precision_reduction": _cublas("bf16_reduced_precision_reduction"),
    "cuBLAS option fp16_accumulation": _cublas("fp16_accumulation"),
    "mkldnn": _flag("mkldnn_enabled"),
    "deterministic mode of mkldnn": _flag("mkldnn_deterministic"),
    "NNPACK": _flag("nnpack_enabled"),
    "cuDNN": _flag("cudnn_enabled"),
    "benchmark mode of cuDNN": _flag("cudnn_benchmark"),
    "deterministic mode of cuDNN": _flag("cudnn_deterministic"),
    "quantized engine": lambda: setattr(torch.backends.quantized, "engine", "qnnpack"),
    "fallback of autograd": lambda: _C._set_autograd_fallback_mode("nothing"),
    "broadcast warning": _flag("backcompat_broadcast_warn"),
    "keepdim warning": _flag("backcompat_keepdim_warn"),
    "half precision in attention": _flag("math_sdp_allow_fp16_bf16_reduction"),
    "priority of attention kernels": lambda: _C._set_sdp_priority_order(_C._get_sdp_priority_order()[::-1]),
    "flash attention": _attention("flash"),
    "mem_efficient attention": _attention("mem_efficient"),
    "math attention": _attention("math"),
    "cudnn attention": _attention("cudnn"),
    "overrideable attention": _attention("overrideable"),
    "fast path of attention": lambda: torch.backends.mha.set_fastpath_enabled(False),
    "opt_einsum": lambda: setattr(torch.backends.opt_einsum, "enabled", not torch.backends.opt_einsum.enabled),
    "strategy of opt_einsum": lambda: setattr(torch.backends.opt_einsum, "strategy", "greedy"),
    "checks of sparse tensors": _flip("_check_sparse_tensor_invariants", "_set_check_sparse_tensor_invariants"),
    "flag overwrite_module_params_on_conversion": lambda: torch.__future__.set_overwrite_module_params_on_conversion(
        True),
    "flag swap_module_params_on_conversion": lambda: torch.__future__.set_swap_module_params_on_conversion(True),
    "byte order of torch.load": lambda: torch.serialization.set_default_load_endianness(
        torch.serialization.LoadEndianness.BIG),
    "mmap options of torch.load": lambda: torch.serialization.set_default_mmap_options(1),
    "checksums of torch.save": lambda: torch.serialization.set_crc32_options(False),
    "safe globals of torch.load": lambda: torch.serialization.add_safe_globals([getattr]),
    "cache depth of parametrize": lambda: _enter(nn.utils.parametrize.cached()),
    "early stop of checkpoints": lambda: _enter(torch.utils.checkpoint.set_checkpoint_early_stop(False)),
    "debug mode of checkpoints": lambda: _enter(torch.utils.checkpoint.set_checkpoint_debug_enabled(True)),
    "sharing strategy": lambda: torch.multiprocessing.set_sharing_strategy("file_system"),
    "registered storages of torch.load": lambda: torch.serialization.register_package(99, _nothing, _nothing),
    "JIT's profiling executor": lambda: _C._jit_set_profiling_executor(False),
    "JIT's profiling mode": lambda: _C._jit_set_profiling_mode(False),
    "JIT's autocast": lambda: _C._jit_set_autocast_mode(False),
    "JIT's optimizer": lambda: _C._set_graph_executor_optimize(False),
    "JIT's inlining": lambda: _C._jit_set_inline_everything_mode(True),
    "JIT's profiled runs": lambda: _C._jit_set_num_profiled_runs(7),
    "JIT's fuser": _flip("_jit_texpr_fuser_enabled", "_jit_set_texpr_fuser_enabled"),
    "JIT's fusion on the CPU": _flip("_jit_can_fuse_on_cpu", "_jit_override_can_fuse_on_cpu"),
    "JIT switch": lambda: setattr(torch.jit._state._enabled, "enabled", False),
    "options of torch._dynamo.config": _option(torch._dynamo.config, "suppress_errors"),
    "options of torch._functorch.config": _option(import_module("torch._functorch.config"), "functionalize_rng_ops"),
    "options of torch._inductor.config": _option(torch._inductor.config, "debug"),
    "stance of torch.compile": lambda: torch.compiler.set_stance("force_eager"),
}


class _Logger(logging.Logger):
    pass


class _Unwilling:
    """An import hook that finds nothing."""

    def find_spec(self, *args: Any) -> None:
        return None


def _refuse(path: str) -> None:
    raise ImportError(path)


def _handle_otherwise() -> None:
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)


def _monitor() -> None:
    monitoring: Any = getattr(sys, "monitoring", None)
    if monitoring is not None:
        monitoring.use_tool_id(3, "odd")


_PYTHON: dict[str, Callable[[], object]] = {
    "list of replaced functions of Python": lambda: setattr(math, "sqrt", _nothing),
    "recursion limit": lambda: sys.setrecursionlimit(sys.getrecursionlimit() + 100),
    "switch interval": lambda: sys.setswitchinterval(0.5),
    "limit of digits": lambda: sys.set_int_max_str_digits(0),
    "garbage collector": gc.disable,
    "trace and profile functions": lambda: sys.setprofile(_nothing),
    "tracing of allocations": tracemalloc.start,
    "fault handler": lambda: (faulthandler.disable if faulthandler.is_enabled() else faulthandler.enable)(),
    "function sys.excepthook": lambda: setattr(sys, "excepthook", _nothing),
    "function sys.unraisablehook": lambda: setattr(sys, "unraisablehook", _nothing),
    "function sys.displayhook": lambda: setattr(sys, "displayhook", _nothing),
    "function sys.breakpointhook": lambda: setattr(sys, "breakpointhook", _nothing),
    "function threading.excepthook": lambda: setattr(threading, "excepthook", _nothing),
    "stack size of threads": lambda: threading.stack_size(1 << 20),
    "stream sys.stdin": lambda: setattr(sys, "stdin", None),
    "stream sys.stdout": lambda: setattr(sys, "stdout", io.StringIO()),
    "stream sys.stderr": lambda: setattr(sys, "stderr", io.StringIO()),
    "decimal context": lambda: setattr(decimal.getcontext(), "prec", 3),
    "start method of processes": lambda: multiprocessing.set_start_method("spawn", force=True),
    "import path": lambda: sys.path.append("/nowhere"),
    "import hooks sys.meta_path": lambda: sys.meta_path.append(_Unwilling()),
    "import hooks sys.path_hooks": lambda: sys.path_hooks.append(_refuse),  # type: ignore[arg-type]
    "module table": lambda: sys.modules.update(copy=types.ModuleType("copy")),
    "pickling of Python's and torch's types": lambda: copyreg.pickle(complex, _nothing),  # type: ignore[arg-type]
    "warnings filters": lambda: warnings.simplefilter("ignore"),
    "functions that show warnings": lambda: setattr(warnings, "showwarning", _nothing),
    "root logger": lambda: logging.root.addHandler(logging.NullHandler()),
    "disabled level of logging": lambda: logging.disable(logging.CRITICAL),
    "logging of warnings": lambda: logging.captureWarnings(True),
    "folder of temporary files": lambda: setattr(tempfile, "tempdir", "/acme"),
    "default time limit of sockets": lambda: socket.setdefaulttimeout(1.5),
    "class of loggers": lambda: logging.setLoggerClass(_Logger),
    "factory of log records": lambda: logging.setLogRecordFactory(_nothing),  # type: ignore[arg-type]
    "flag logging.raiseExceptions": lambda: setattr(logging, "raiseExceptions", False),
    "handler logging.lastResort": lambda: setattr(logging, "lastResort", None),
    "working directory": lambda: os.chdir("/"),
    "environment": lambda: os.environ.update(ODD_VARIABLE="1"),
    "umask": lambda: os.umask(0o77),
    "locale": lambda: locale.setlocale(locale.LC_ALL, "C.UTF-8" if locale.setlocale(locale.LC_ALL) == "C" else "C"),
    "signal handlers": _handle_otherwise,
    "blocked signals": lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2]),
    "set of processors": lambda: os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]),
    "limits of resources": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (
        resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 1, resource.getrlimit(resource.RLIMIT_NOFILE)[1])),
    "NumPy error handling": lambda: np.seterr(all="ignore"),
    "NumPy error callback": lambda: np.seterrcall(_nothing),
    "NumPy buffer size": lambda: np.setbufsize(16384),
    "NumPy print options": lambda: np.set_printoptions(precision=1),
    "generator of NumPy": lambda: _RANDOM.set_bit_generator(np.random.PCG64(1)),
    "generator of Python": lambda: setattr(random, "_inst", random.Random(1)),
}
if hasattr(sys, "monitoring"):
    _PYTHON["monitoring tools"] = _monitor

DEEDS = {**_TORCH, **_PYTHON}

UNDONE_BY_NOBODY = {
    "inference mode", "operators of torch with another implementation", "overriding by __torch_function__", "profiler",
    "thread count between operators",
}
"""Settings that only the code that changed them can change back."""
