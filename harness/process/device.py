"""The one place that knows what torch computes on: everything else asks here, whichever accelerator it is.

Up to torch 2.5 there is no `torch.accelerator`; the kinds that torch and its extensions bring are then asked in turn.
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
"""Seconds since some moment of its own."""

GRAPHS_OFFERED, PEAK_OFFERED = "graphs", "peak memory"

_KINDS = ("cuda", "xpu", "hpu", "npu", "mtia", "mps")
_OF_PEAK = ("reset_peak_memory_stats", "max_memory_allocated", "memory_allocated")


class NoGraphs(LookupError):
    """A device on which nothing can be captured to be replayed."""


@lru_cache(maxsize=1)
def accelerator() -> str:
    """The accelerator's device type, as `cuda`; empty where there is none."""
    if hasattr(torch, "accelerator"):
        current = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
        return current.type if current is not None else ""
    return next((kind for kind in _KINDS if _is_there(kind)), "")


def _is_there(kind: str) -> bool:
    homes = (getattr(torch, kind, None), getattr(torch.backends, kind, None))
    asked = (getattr(home, "is_available", None) for home in homes)
    return bool(next((one for one in asked if one is not None), bool)())


def devices() -> tuple[str, ...]:
    """The device types that work here, `cpu` first."""
    return ("cpu", accelerator()) if accelerator() else ("cpu",)


# ----------------------------------------------------------------- what it is


@dataclass(frozen=True)
class Hardware:
    """The accelerator as its driver has it; what it does not say is empty."""

    name: str = ""
    driver: str = ""
    capability: str = ""


def hardware() -> Hardware:
    """What the accelerator says of itself; all empty where there is none."""
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
    """What the accelerator has beyond computing, of `graphs` and `peak memory`."""
    kind = accelerator()
    has_peak = bool(kind) and all(hasattr(_module(kind), name) for name in _OF_PEAK)
    return (GRAPHS_OFFERED,) * (kind in GRAPHS) + (PEAK_OFFERED,) * has_peak


def _module(kind: str) -> Any:
    return getattr(torch, kind)


def _ask(function: str, *arguments: Any) -> Any:
    """What the accelerator's module answers; None where it has no such function."""
    asked = getattr(_module(accelerator()), function, None)
    return None if asked is None else asked(*arguments)


# ----------------------------------------------------------------- what is set for the whole process


def random_states() -> list[Tensor]:
    """The random state of every accelerator here."""
    if not accelerator():
        return []
    every = _ask("get_rng_state_all")
    return list(every) if every is not None else [_ask("get_rng_state")]


def put_random_states(states: list[Tensor]) -> None:
    """Set what `random_states` gave."""
    if accelerator() and _ask("set_rng_state_all", states) is None and len(states) == 1:
        _ask("set_rng_state", states[0])


def seed(number: int) -> None:
    """Seed every accelerator here; the CPU is not theirs."""
    if accelerator():
        module = _module(accelerator())
        (module.manual_seed_all if hasattr(module, "manual_seed_all") else module.manual_seed)(number)


def tf32() -> tuple[bool, bool]:
    """Whether matrix products, and convolutions, may be computed in TF32."""
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


def allow_tf32(allowed: tuple[bool, bool]) -> None:
    """Set what `tf32` gives."""
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = allowed


# ----------------------------------------------------------------- time and memory


def synchronise(device: torch.device) -> None:
    """Wait until all that was asked of `device` is done."""
    if device.type != "cpu":
        _module(device.type).synchronize()


def clock_of(device: torch.device) -> Clock:
    """The clock of what runs on `device`: the processor's time of this thread, or the device's own between events; of
    one that has no events, the time that passes until all is done."""
    if device.type == "cpu":
        return time.thread_time
    return _events(device.type) if hasattr(_module(device.type), "Event") else _passing(device.type)


@lru_cache
def _events(kind: str) -> Clock:
    module = _module(kind)
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
        _module(kind).synchronize()
        return time.perf_counter()

    return elapsed


def most_reserved(device: torch.device) -> int:
    """The most bytes that the device's allocator ever held; 0 where it does not say."""
    asked = getattr(_module(device.type), "max_memory_reserved", None)
    return int(asked(device)) if asked is not None else 0


def peak_of(act: Callable[[], object], device: torch.device) -> int:
    """The most bytes that `act` has at once beyond those that there are when it begins. It is called once before, for
    what it keeps from call to call. On the CPU each operator's output is counted, elsewhere the allocator is asked."""
    if device.type == "cpu":
        counted = Operators()
        with counted:
            act()
            before = counted.mark()
            act()
        return counted.peak - before
    module = _module(device.type)
    act()
    synchronise(device)
    module.reset_peak_memory_stats()
    before = module.memory_allocated()
    act()
    synchronise(device)
    return int(module.max_memory_allocated()) - int(before)


# ----------------------------------------------------------------- graphs


def captured(model: Runnable, inputs: Tensor) -> Runnable:
    """`model` captured once, without gradients, on inputs of that shape; each call replays what was captured.

    Raises:
        NoGraphs: the inputs are on a device that has none.
    """
    kind = inputs.device.type
    if kind not in GRAPHS:
        raise NoGraphs(f"{kind} has no graphs to capture; ask for {' or '.join(GRAPHS)}")
    return GRAPHS[kind](model, inputs.clone())


def _cuda_graph(model: Runnable, inputs: Tensor) -> Runnable:
    aside, graph = torch.cuda.Stream(), torch.cuda.CUDAGraph()
    with torch.no_grad():
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):  # what is made at the first call is not to be made in the graph
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
"""By device type: how it captures."""
