"""Count what a process holds, to find what each repetition of some work leaves behind."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import tempfile
import threading
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

_PROC = Path("/proc/self")
_SETTLED_WITHIN = 1.0
"""Seconds that a thread or a child process gets to end."""

Counts = Mapping[str, int]


def growth(life: Callable[[], object], times: int, least: Mapping[str, int]) -> dict[str, int]:
    """Return what grew with every repetition of `life`, and by how much in all.

    Two repetitions come first, in which caches and pools of threads fill. A jump in one repetition alone is no leak.

    Args:
        life: The work to repeat.
        times: How often to repeat it.
        least: By resource, the smallest growth that counts; 1 for those that are not named.
    """
    with _own_temporary_folder() as folder, _frozen():
        life()
        with _traced():
            life()
            counts = [_counts(folder)]
            for _ in range(times):
                life()
                counts.append(_counts(folder))
            return _settled(lambda: _grown([*counts[:-1], _counts(folder)], least))


def _grown(counts: list[Counts], least: Mapping[str, int]) -> dict[str, int]:
    pairs = [*pairwise(counts)]
    smallest = {name: min(now[name] - before[name] for before, now in pairs) for name in counts[0]}
    names = [name for name, more in smallest.items() if more >= least.get(name, 1)]
    return {name: counts[-1][name] - counts[0][name] for name in names}


def _settled(read: Callable[[], dict[str, int]]) -> dict[str, int]:
    """Return what `read` returns once it is empty, or when the time to settle is over."""
    end = time.monotonic() + _SETTLED_WITHIN
    while (found := read()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def _counts(folder: Path) -> dict[str, int]:
    gc.collect()
    return {
        "threads": _entries(_PROC / "task", threading.active_count),
        "child processes": sum(1 for _ in _children()),
        "open files": _entries(_PROC / "fd", lambda: 0),
        "temporary files": sum(1 for _ in folder.rglob("*")),
        "functions to call at exit": atexit._ncallbacks(),
        "loaded modules": len(sys.modules),
        **_objects(),
        "bytes of memory": tracemalloc.get_traced_memory()[0],
    }


def _entries(folder: Path, otherwise: Callable[[], int]) -> int:
    """Return the number of entries in a folder of the kernel, or the other number where there is none."""
    try:
        return len(os.listdir(folder))
    except OSError:
        return otherwise()


def _children() -> Iterator[str]:
    for file in _PROC.glob("task/*/children"):
        try:
            yield from file.read_text().split()
        except OSError:
            continue


_KINDS: dict[str, Any] = {
    "tensors": torch.Tensor, "modules of models": torch.nn.Module, "optimizers": torch.optim.Optimizer, "classes": type,
}


def _objects() -> dict[str, int]:
    """Return the number of objects that the garbage collector knows, in all and of torch's kinds."""
    kinds = Counter(map(type, gc.get_objects()))
    counts = {
        name: sum(count for one, count in kinds.items() if issubclass(one, kind)) for name, kind in _KINDS.items()
    }
    return {**counts, "objects": sum(kinds.values())}


@contextmanager
def _frozen() -> Iterator[None]:
    """Spare the garbage collector all objects from before; those that were spared already are spared on."""
    was_frozen = gc.get_freeze_count() > 0
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        if not was_frozen:
            gc.unfreeze()


@contextmanager
def _traced() -> Iterator[None]:
    """Trace the memory that Python allocates, unless the process does so already."""
    was_tracing = tracemalloc.is_tracing()
    if not was_tracing:
        tracemalloc.start()
    try:
        yield
    finally:
        if not was_tracing:
            tracemalloc.stop()


@contextmanager
def _own_temporary_folder() -> Iterator[Path]:
    """Let the module `tempfile`, here and in child processes, create its files in a folder of its own."""
    before, named = tempfile.tempdir, os.environ.get("TMPDIR")
    with tempfile.TemporaryDirectory() as folder:
        tempfile.tempdir = os.environ["TMPDIR"] = folder
        try:
            yield Path(folder)
        finally:
            tempfile.tempdir = before
            os.environ.pop("TMPDIR")
            if named is not None:
                os.environ["TMPDIR"] = named
