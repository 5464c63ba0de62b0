"""Clocks, and the quiet in which they are read.

Time of the processor and of one thread, with torch on one thread and the garbage collector off: on a shared machine
nothing else repeats. On another device its own time, between events, with all that was asked of it done.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..process.device import Clock


class BlockClock:
    """What pytest-benchmark reads: the time of one call where a block of calls is timed."""

    __name__ = "thread_time"

    def __init__(self) -> None:
        self.clock: Clock = time.thread_time
        self.calls = 1

    def __call__(self) -> float:
        return self.clock() / self.calls


CLOCK = BlockClock()


@contextmanager
def quiet() -> Iterator[None]:
    """No garbage is collected within but by `tidy`, and torch is on one thread: another's time would not be counted.
    What there is before is there to stay, and is never looked through again: that took a sixth of all the time."""
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
    """No garbage is collected within; what there is, is before."""
    collects = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def tidy() -> None:
    """Collect what a round has left in cycles: whole models, which would fill the memory. What was there before `quiet`
    is not looked at, so that it takes no time."""
    gc.collect()
