"""Import modules whose objects stay until the end without collecting garbage meanwhile."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def long_lived() -> Iterator[None]:
    """Spare the garbage collector all objects that exist at the end of the block.

    Importing torch and its compiler creates a million objects, which the collector would traverse dozens of times,
    there and in every later collection, although they stay until the process ends.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()
