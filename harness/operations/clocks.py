"""Clocks, and the quiet in which they are read.

On the CPU this is the processor time of one thread, with torch on one thread and garbage collection off, since
nothing else repeats on a shared machine. On another device it is the device's own time between events.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..process.device import Clock


class BlockClock:
    """A clock for pytest-benchmark: the time per call while a block of calls is timed."""

    __name__ = "thread_time"

    def __init__(self) -> None:
        self.clock: Clock = time.thread_time
        self.calls = 1

    def __call__(self) -> float:
        return self.clock() / self.calls


CLOCK = BlockClock()


@contextmanager
def quiet() -> Iterator[None]:
    """Run torch on one thread, and collect garbage in `tidy` alone.

    The time of other threads would not be counted. Objects that exist on entry are frozen and never scanned again,
    which took a sixth of the time.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with uncollected():
        gc.freeze()
        try:
            yield
        finally:
            torch.set_num_threads(threads)


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect garbage once, then switch collection off inside."""
    collects = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def tidy() -> None:
    """Collect cyclic garbage of the last round: whole models, which would fill the memory.

    Objects from before `quiet` are not scanned, so that this takes no time.
    """
    gc.collect()
