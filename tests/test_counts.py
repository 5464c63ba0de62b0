"""Operator counts of one call: equal in every run and process, independent of earlier calls."""

from __future__ import annotations

import gc
import itertools
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sized
from contextlib import contextmanager, nullcontext
from functools import cache

import pytest
import torch
from torch import nn

from sparsecheck import Context, Plan, Sparsified
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.features.bench.floor_adapter import FloorAdapter
from sparsecheck.operations.counting import calls, counts
from sparsecheck.operations.tasks import Subject, Task, task
from sparsecheck.operations.workload import Workload
from sparsecheck.values.timing import OPERATIONS

EVERY = tuple(OPERATIONS)


def subject(adapter: ExemplarAdapter | FloorAdapter) -> Subject:
    return Subject(adapter, Workload("16x16", "unstructured-0.5", torch.device("cpu")))


class Cloning(ExemplarAdapter):
    """Copies the weight once more than necessary."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        sparsified = super().attach(model, plan, context)
        [keep] = [module for module in model.modules() if type(module).__name__ == "Keep"]
        masked = keep.forward
        keep.forward = lambda weight: masked(weight).clone()
        return sparsified


def test_one_more_copy_of_the_weight_shows_in_the_counts() -> None:
    both = map(subject, (ExemplarAdapter(), Cloning()))
    plain, cloning = (counts("forward", task("forward", one), one) for one in both)
    assert cloning.output_bytes - plain.output_bytes == 16 * 16 * 4
    assert dict(Counter(cloning.operators) - Counter(plain.operators)) == {"aten.clone.default": 1}


@pytest.mark.parametrize("operation", list(OPERATIONS))
def test_counts_repeat(operation: str) -> None:
    one, other = (subject(ExemplarAdapter()) for _ in range(2))
    assert counts(operation, task(operation, one), one) == counts(operation, task(operation, other), other)


def test_calls_do_not_change_once_torch_has_compiled() -> None:
    """torch.compile wraps the construction of every module until the process ends."""
    program = """
import torch
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.operations.counting import counts
from sparsecheck.operations.tasks import Subject, task
from sparsecheck.operations.workload import Workload

subject = Subject(ExemplarAdapter(), Workload("16x16", "unstructured-0.5", torch.device("cpu")))
before = counts("restore", task("restore", subject), subject)
task("compile", subject).call()
assert before.calls > 100 and counts("restore", task("restore", subject), subject) == before
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@cache
def counted_apart(name: str, operations: tuple[str, ...], seed: str = "1") -> dict[str, object]:
    """Return the counts of a sparsifier in a subprocess, one operation after the other."""
    program = """
import sys
import msgspec, torch
from sparsecheck.adapter.discovery import find, load
from sparsecheck.operations.counting import counts
from sparsecheck.operations.tasks import Subject, task
from sparsecheck.operations.workload import Workload

name, *operations = sys.argv[1:]
subject = Subject(load(find(name)).adapter, Workload("16x16", "unstructured-0.5", torch.device("cpu")))
subject.assert_plan_applied()
found = {operation: counts(operation, task(operation, subject), subject) for operation in operations}
print(msgspec.json.encode(found).decode())
"""
    command = [sys.executable, "-c", program, name, *operations]
    run = subprocess.run(
        command, env={**os.environ, "PYTHONHASHSEED": seed}, check=True, capture_output=True, text=True)
    return dict(json.loads(run.stdout))


def test_counts_are_the_same_in_another_process() -> None:
    """Other hash seeds and another order of operations change nothing."""
    first = counted_apart("torch-ao-weight-norm-l1", EVERY)
    assert first == counted_apart("torch-ao-weight-norm-l1", EVERY[::-1], seed="2")
    assert first.keys() == set(OPERATIONS)


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("torch-ao-weight-norm-l1", "backward"),
        ("torch-ao-weight-norm-l1", "update"),
        ("torch-prune-l1-unstructured", "restore"),
    ],
)
def test_counts_do_not_depend_on_other_operations(name: str, operation: str) -> None:
    """The first operation to be counted imports torch's compiler meanwhile."""
    [(_, alone)] = counted_apart(name, (operation,)).items()
    assert counted_apart(name, EVERY)[operation] == alone


class InCycles:
    """A reference cycle whose finalizer calls a function when it is collected."""

    def __init__(self, number: int) -> None:
        self.me = self

    def __del__(self) -> None:
        self.me = self


def test_calls_do_not_depend_on_garbage_collection() -> None:
    collected = gc.get_threshold()
    gc.set_threshold(5)
    try:
        assert counts("attach", Task(lambda: list(map(InCycles, range(100)))), subject(FloorAdapter())).calls == 101
    finally:
        gc.set_threshold(*collected)


def test_calls_do_not_depend_on_imports() -> None:
    """Registering with an abstract class clears the negative caches of all abstract classes."""
    finished = itertools.count(1)

    @contextmanager
    def importing() -> Iterator[None]:
        yield
        if next(finished) == 2:
            Sized.register(type("Imported", (), {}))

    tasks = [Task(lambda: isinstance(0, Sized), within=within) for within in (nullcontext, importing)]
    plain, late = (counts("attach", one, subject(FloorAdapter())).calls for one in tasks)
    assert plain == late == 4


def test_counts_of_the_floor() -> None:
    one = subject(FloorAdapter())
    counted = counts("forward", task("forward", one), one)
    assert counted.operators == {"aten.addmm.default": 1, "aten.mul.Tensor": 1, "aten.t.default": 1}
    assert counted.output_bytes == 16 * 16 * 4 + 32 * 16 * 4
    assert counted.peak_bytes == counted.output_bytes
    assert counts("update", task("update", one), one).held_bytes == 16 * 16 * 4


def test_calls_exclude_the_counting_itself() -> None:
    assert calls(Task(lambda: None)) == 1
    assert calls(Task(lambda: len([]))) == 2
    assert calls(Task(lambda one: abs(one), lambda: (abs(-1),))) == 2


def test_a_recompile_after_an_update_is_counted() -> None:
    class Baked(ExemplarAdapter):
        """Passes a number to forward that changes with each update."""

        def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
            sparsified = super().attach(model, plan, context)
            forward, update, baked = model.forward, sparsified.update, {"number": 0}
            model.forward = lambda inputs: forward(inputs) * (1 + 0 * baked["number"])

            def updated(level: float | None = None) -> None:
                update(level)
                baked["number"] += 1

            sparsified.update = updated  # type: ignore[method-assign]
            return sparsified

    plain, baked = (counts("compile", task("compile", one), one) for one in map(subject, (ExemplarAdapter(), Baked())))
    assert (plain.graphs, plain.graph_breaks, plain.recompiles) == (1, 0, 0)
    assert baked.recompiles > 0
