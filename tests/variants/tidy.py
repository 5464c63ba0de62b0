"""The exemplar, changing the process while it works and restoring it, or keeping a bounded amount."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import ClassVar

import torch
from torch.nn import functional

from sparsecheck.adapter.shipped.exemplar import Exemplar, ExemplarAdapter

from . import variant


@contextmanager
def _changed() -> Iterator[None]:
    """Change much of the process, and restore it."""
    linear, limit = functional.linear, sys.getrecursionlimit()
    functional.linear = lambda *args: linear(*args)
    sys.setrecursionlimit(limit + 100)
    os.environ["EXEMPLAR_AT_WORK"] = "1"
    try:
        with warnings.catch_warnings(), torch.autograd.set_detect_anomaly(True), torch.device("cpu"):
            warnings.simplefilter("ignore")
            yield
    finally:
        functional.linear = linear
        sys.setrecursionlimit(limit)
        del os.environ["EXEMPLAR_AT_WORK"]


class _Restoring(Exemplar):
    def update(self, level: float | None = None) -> None:
        with _changed():
            super().update(level)


@variant("changes and restores the process")
class Restores(ExemplarAdapter):
    """Changes functions, settings and the environment while it updates, and restores all of them."""

    sparsified = _Restoring


class _Keeping(Exemplar):
    pool: ClassVar[list[ThreadPoolExecutor]] = []
    history: ClassVar[deque[bytes]] = deque(maxlen=1)

    def update(self, level: float | None = None) -> None:
        if not self.pool:
            self.pool.append(ThreadPoolExecutor(2))
        self.pool[0].submit(int).result()
        self.history.append(bytes(1 << 17))
        with tempfile.TemporaryFile():
            super().update(level)


@variant("keeps a bounded amount")
class Keeps(ExemplarAdapter):
    """Keeps a pool of two threads and its last log, and removes its temporary files."""

    sparsified = _Keeping
