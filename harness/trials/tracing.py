"""Trace, export and compile a model as a user would, and ignore the warnings that torch is known to give.

Other warnings are shown. None is an exception, whatever filters the user has set.
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

ONE_BATCH = (3,)
"""A single batch size, since another one would be compiled anew and tell nothing more."""

# DeprecationWarning up to torch 2.14, FutureWarning from 2.15; with another text from Python 3.14.
_DEPRECATED = r"`?torch\.jit\.\w+`? is (deprecated|not supported)"
# Constants in a trace are judged by running it on other inputs; the warning that there might be some is no failure.
_BAKED_IN = r"Converting a tensor to a|torch\.\w+ results are registered as constants in the trace"
# A hook that computes a weight before forward assigns an attribute; cases judge the state that it leaves behind.
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
    """Trace with torch.jit.trace, its own check included."""
    with _expected_warnings():
        traced: Runnable = torch.jit.trace(model, (inputs,))
    return traced


def trace_module(model: nn.Module, inputs: Tensor) -> Runnable:
    """Trace forward with torch.jit.trace_module."""
    with _expected_warnings():
        traced: Runnable = torch.jit.trace_module(model, {"forward": (inputs,)})
    return traced


def trace_reloaded(traced: Runnable) -> Runnable:
    """Save and load a trace with torch.jit."""
    file = io.BytesIO()
    with _expected_warnings():
        torch.jit.save(traced, file)
        file.seek(0)
        loaded: Runnable = torch.jit.load(file)
    return loaded


def export(model: nn.Module, inputs: Tensor) -> Any:
    """Return the torch.export.ExportedProgram for any batch size; not strict, so that no bytecode is interpreted."""
    batch = torch.export.Dim("batch")
    with _expected_warnings():
        return torch.export.export(model, (inputs,), dynamic_shapes=({0: batch},), strict=False)


def export_reloaded(program: Any) -> Any:
    """Save and load an exported program with torch.export."""
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    return torch.export.load(file)


@contextmanager
def compiled(model: nn.Module, whole: bool = True) -> Iterator[Runnable]:
    """Compile with torch.compile and the back end `aot_eager`, and drop everything cached on exit.

    Args:
        model: The model.
        whole: Whether a graph break is an error.
    """
    try:
        with warnings.catch_warnings():
            yield torch.compile(model, backend="aot_eager", fullgraph=whole)
    finally:
        torch._dynamo.reset()
