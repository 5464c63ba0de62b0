"""Trace, export and compile, as a user would, with the warnings that torch gives on the way expected by message.

Everything else that is warned of still counts, so that a run under `-W error` means something.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

Runnable = Callable[[Tensor], Tensor]

# DeprecationWarning up to torch 2.14, FutureWarning from 2.15; another text on Python 3.14 and later.
_DEPRECATED = r"`?torch\.jit\.\w+`? is (deprecated|not supported)"
# What a trace bakes in is judged on other inputs; that something might be is no failure.
_BAKED_IN = r"Converting a tensor to a|torch\.\w+ results are registered as constants in the trace"
# A hook that computes a weight before forward sets it as an attribute; what it leaves behind is judged.
_ASSIGNED = r"The tensor attributes? .* assigned during export"


@contextmanager
def _expected_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        for category in (DeprecationWarning, FutureWarning):
            warnings.filterwarnings("ignore", message=_DEPRECATED, category=category)
        warnings.filterwarnings("ignore", message=_BAKED_IN, category=Warning)
        warnings.filterwarnings("ignore", message=_ASSIGNED, category=UserWarning)
        yield


def trace(model: nn.Module, inputs: Tensor) -> Runnable:
    """torch.jit.trace, its own check included."""
    with _expected_warnings():
        traced: Runnable = torch.jit.trace(model, (inputs,))
    return traced


def trace_module(model: nn.Module, inputs: Tensor) -> Runnable:
    """torch.jit.trace_module of forward alone."""
    with _expected_warnings():
        traced: Runnable = torch.jit.trace_module(model, {"forward": (inputs,)})
    return traced


def trace_reloaded(traced: Runnable) -> Runnable:
    """A trace through torch.jit.save and torch.jit.load."""
    file = io.BytesIO()
    with _expected_warnings():
        torch.jit.save(traced, file)
        file.seek(0)
        loaded: Runnable = torch.jit.load(file)
    return loaded


def export(model: nn.Module, inputs: Tensor) -> Any:
    """The torch.export.ExportedProgram of any batch size; not strict, so that no bytecode is interpreted."""
    batch = torch.export.Dim("batch")
    with _expected_warnings():
        return torch.export.export(model, (inputs,), dynamic_shapes=({0: batch},), strict=False)


def export_reloaded(program: Any) -> Any:
    """An exported program through torch.export.save and torch.export.load."""
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    return torch.export.load(file)


@contextmanager
def compiled(model: nn.Module, whole: bool = True) -> Iterator[Runnable]:
    """torch.compile by the eager back end of AOTAutograd, whole or not at all unless parts will do; what it has
    cached is dropped after."""
    try:
        with warnings.catch_warnings():
            yield torch.compile(model, backend="aot_eager", fullgraph=whole)
    finally:
        torch._dynamo.reset()
