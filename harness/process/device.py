"""Devices: the only module that knows which accelerators torch can compute on.

Up to torch 2.5 there is no `torch.accelerator`; the kinds that torch and its extensions provide are then tried in turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from .operators import Operators

Runnable = Callable[[Tensor], Tensor]
Clock = Callable[[], float]
"""A function that returns seconds since a fixed but arbitrary moment."""

GRAPHS_OFFERED, PEAK_OFFERED = "graphs", "peak memory"

_KINDS = ("cuda", "xpu", "hpu", "npu", "mtia", "mps")
_OF_PEAK = ("reset_peak_memory_stats", "max_memory_allocated", "memory_allocated")


class NoGraphs(LookupError):
    """Raised for a device on which no graph can be captured."""


@lru_cache(maxsize=1)
def accelerator() -> str:
    """Return the accelerator's device type, such as `cuda`, or an empty string if there is none."""
    if hasattr(torch, "accelerator"):
        current = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
        return current.type if current is not None else ""
    return next((kind for kind in _KINDS if _is_there(kind)), "")


def _is_there(kind: str) -> bool:
    homes = (getattr(torch, kind, None), getattr(torch.backends, kind, None))
    asked = (getattr(home, "is_available", None) for home in homes)
    return bool(next((one for one in asked if one is not None), bool)())


def devices() -> tuple[str, ...]:
    """Return the device types that work here, `cpu` first."""
    return ("cpu", accelerator()) if accelerator() else ("cpu",)


# ----------------------------------------------------------------- hardware


@dataclass(frozen=True)
class Hardware:
    """The accelerator as its driver describes it; unknown fields are empty."""

    name: str = ""
    driver: str = ""
    capability: str = ""


def hardware() -> Hardware:
    """Return the description of the accelerator; all fields are empty if there is none."""
    if not (kind := accelerator()):
        return Hardware()
    capability = _ask("get_device_capability")
    version = ".".join(map(str, capability)) if isinstance(capability, tuple) else ""
    return Hardware(str(_ask("get_device_name") or kind), _driver(kind), version)


def _driver(kind: str) -> str:
    if kind == "cuda":
        number = int(torch._C._cuda_getDriverVersion())  # type: ignore[attr-defined,unused-ignore]
        return f"{number // 1000}.{number % 1000 // 10}"
    return str(getattr(_ask("get_device_properties"), "driver_version", ""))


def offers() -> tuple[str, ...]:
    """Return the optional features of the accelerator, out of `graphs` and `peak memory`."""
    kind = accelerator()
    has_peak = bool(kind) and all(hasattr(namespace(kind), name) for name in _OF_PEAK)
    return (GRAPHS_OFFERED,) * (kind in GRAPHS) + (PEAK_OFFERED,) * has_peak


def namespace(kind: str) -> Any:
    """Return the module of torch for an accelerator's device type."""
    return getattr(torch, kind)


def _ask(function: str) -> Any:
    """Call a function of the accelerator's module; return None if there is no such function."""
    asked = getattr(namespace(accelerator()), function, None)
    return None if asked is None else asked()


# ----------------------------------------------------------------- process-wide state


def random_states() -> list[Tensor]:
    """Return the random state of every accelerator."""
    if not accelerator():
        return []
    every = _ask("get_rng_state_all")
    return list(every) if every is not None else [_ask("get_rng_state")]


def seed(number: int) -> None:
    """Seed every accelerator, but not the CPU."""
    if accelerator():
        module = namespace(accelerator())
        (module.manual_seed_all if hasattr(module, "manual_seed_all") else module.manual_seed)(number)


def tf32() -> tuple[bool, bool]:
    """Return whether matrix products, and convolutions, may be computed in TF32."""
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


def set_tf32(allowed: tuple[bool, bool]) -> None:
    """Set the two values that `tf32` returns."""
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = allowed


# ----------------------------------------------------------------- time and memory


def synchronise(device: torch.device) -> None:
    """Wait until all work queued on `device` is done."""
    if device.type != "cpu":
        namespace(device.type).synchronize()


def clock_of(device: torch.device) -> Clock:
    """Return a clock for work on `device`.

    For the CPU, the processor time of this thread; for an accelerator, its own time between events. A device without
    events gets wall time, read once all work is done.
    """
    if device.type == "cpu":
        return time.thread_time
    return _events(device.type) if hasattr(namespace(device.type), "Event") else _passing(device.type)


@lru_cache
def _events(kind: str) -> Clock:
    module = namespace(kind)
    first = module.Event(enable_timing=True)
    first.record()

    def elapsed() -> float:
        now = module.Event(enable_timing=True)
        now.record()
        module.synchronize()
        return float(first.elapsed_time(now)) / 1e3

    return elapsed


@lru_cache
def _passing(kind: str) -> Clock:
    def elapsed() -> float:
        namespace(kind).synchronize()
        return time.perf_counter()

    return elapsed


def peak_reserved(device: torch.device) -> int:
    """Return the largest number of bytes that the device's allocator ever held; 0 if it does not say."""
    asked = getattr(namespace(device.type), "max_memory_reserved", None)
    return int(asked(device)) if asked is not None else 0


def peak_bytes(act: Callable[[], object], device: torch.device) -> int:
    """Return the largest number of bytes that `act` allocates at once.

    It is called once before, to create everything that it keeps from call to call. On the CPU the outputs of operators
    are counted; elsewhere the allocator is asked.
    """
    if device.type == "cpu":
        counted = Operators()
        with counted:
            act()
            before = counted.mark()
            act()
        return counted.peak - before
    module = namespace(device.type)
    act()
    synchronise(device)
    module.reset_peak_memory_stats()
    before = module.memory_allocated()
    act()
    synchronise(device)
    return int(module.max_memory_allocated()) - int(before)


# ----------------------------------------------------------------- graphs


def capture(model: Runnable, inputs: Tensor) -> Runnable:
    """Capture `model` as a graph, without gradients, for inputs of one shape.

    Args:
        model: The model.
        inputs: A batch of the shape and on the device to capture for.

    Returns:
        A function that replays the graph on new inputs.

    Raises:
        NoGraphs: The device has no graphs.
    """
    kind = inputs.device.type
    if kind not in GRAPHS:
        raise NoGraphs(f"graphs cannot be captured on {kind}; use {' or '.join(GRAPHS)}")
    return GRAPHS[kind](model, inputs.clone())


def _cuda_graph(model: Runnable, inputs: Tensor) -> Runnable:
    aside, graph = torch.cuda.Stream(), torch.cuda.CUDAGraph()
    with torch.no_grad():
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):  # warm up, so that nothing is created for the first time inside the graph
            for _ in range(3):
                model(inputs)
        torch.cuda.current_stream().wait_stream(aside)
        with torch.cuda.graph(graph):
            output = model(inputs)

    def replay(given: Tensor) -> Tensor:
        inputs.copy_(given)
        graph.replay()
        return output.clone()

    return replay


GRAPHS: dict[str, Callable[[Runnable, Tensor], Runnable]] = {"cuda": _cuda_graph}
"""By device type, the function that captures a graph."""
