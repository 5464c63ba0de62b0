"""The adapters of the experiment: a sparsifier, a frozen copy of it, copies with a slowdown planted in every call."""

from __future__ import annotations

from pathlib import Path

_COPY = """
from sparsecheck.adapter.shipped.torch_ao_pruning import WeightNormL1Adapter

class Copy(WeightNormL1Adapter):
    pass
"""

_SLOWER = """
import time

from sparsecheck.adapter.shipped.torch_ao_pruning import WeightNormL1Adapter

def spin(steps):
    start = time.thread_time()
    sum(range(steps))
    return time.thread_time() - start

RATE = 1_000_000 / min(spin(1_000_000) for _ in range(20))

def slower(call):
    def wrapped(*arguments):
        start = time.thread_time()
        result = call(*arguments)
        spin(int((time.thread_time() - start) * {slowdown} * RATE))
        return result
    return wrapped

class Slower(WeightNormL1Adapter):
    @slower
    def attach(self, model, plan, context):
        sparsified = super().attach(model, plan, context)
        sparsified.__class__ = of(type(sparsified))
        model.forward = slower(model.forward)
        return sparsified

def of(kind, made={{}}):
    if kind not in made:
        slow = {{name: slower(getattr(kind, name)) for name in ("update", "finalize")}}
        made[kind] = type(kind.__name__, (kind,), slow)
    return made[kind]
"""


def frozen(folder: Path) -> Path:
    """Write the file of the frozen copy, under the name of the sparsifier that it is compared with."""
    return _written(folder / "frozen" / "current.py", _COPY)


def frozen_in_calls(folder: Path) -> Path:
    """Write the same with as many calls as a planted slowdown makes, so that only time distinguishes them."""
    return _written(folder / "frozen" / "current.py", _SLOWER.format(slowdown=0.0))


def planted(folder: Path, slowdown: float) -> Path:
    """Write the file of the sparsifier with a planted slowdown (a fraction); without one it is another copy."""
    text = _SLOWER.format(slowdown=slowdown) if slowdown else _COPY
    return _written(folder / "current.py", text)


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    return path
