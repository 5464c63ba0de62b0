"""The tools that stop a piece of work, run a model beside it, and send a model to a spawned process."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sparsecheck import Trial
from sparsecheck.oracle.tolerance import Tolerance, tolerance
from sparsecheck.process.guard import Guard
from sparsecheck.trials import pickling
from sparsecheck.trials.interrupting import Interrupted, Stops, interrupt, operators_of
from sparsecheck.trials.threads import Reader, output_of, spread
from sparsecheck.values.cell import Cell
from sparsecheck.values.violation import Violation
from tests.variants.holders import InPlaceAdapter


def _two(ones: Tensor) -> None:
    ones.add(1)
    ones.mul(2)


def _contained(guard: Guard, ones: Tensor) -> None:
    with guard.contain():
        _two(ones)


def test_only_operators_of_the_call_are_counted_and_not_those_of_the_guard() -> None:
    guard, ones = Guard(), torch.ones(3)
    assert operators_of(lambda: _contained(guard, ones), guard) == 2
    assert [interrupt(lambda: _contained(guard, ones), at, guard) for at in range(3)] == [True, True, False]


def test_an_error_that_is_no_interruption_is_raised() -> None:
    guard = Guard()

    def fail() -> None:
        with guard.contain():
            raise ValueError("of its own")

    with pytest.raises(ValueError, match="of its own"):
        interrupt(fail, 0, guard)


def test_an_interruption_is_seen_though_the_call_raises_another_error() -> None:
    guard, ones = Guard(), torch.ones(3)

    def hide() -> None:
        with guard.contain():
            try:
                _two(ones)
            except Interrupted as error:
                raise RuntimeError("hidden") from error

    assert interrupt(hide, 1, guard)


def test_work_is_stopped_before_each_operator_and_line_and_the_tracer_comes_back() -> None:
    places, before, ones = list[str](), sys.gettrace(), torch.ones(3)
    with Stops(places.append):
        _two(ones)
    assert sys.gettrace() is before
    assert [one for one in places if one.startswith("aten")] == ["aten.add.Tensor", "aten.mul.Tensor"]
    assert sum(one.startswith(f"_two in {__name__}") for one in places) == 2


def test_the_action_is_not_stopped_itself() -> None:
    count, ones = Stops(lambda place: _two(ones)), torch.ones(3)
    with count:
        _two(ones)
    plain = Stops()
    with plain:
        _two(ones)
    assert count.count == plain.count


@pytest.mark.parametrize(("count", "every"), [(0, 1), (1, 1), (150, 1), (151, 2), (600, 4)])
def test_moments_are_spread(count: int, every: int) -> None:
    assert spread(count) == every


class _Locked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lock = threading.Lock()

    def forward(self, inputs: Tensor) -> Tensor:
        with self.lock:
            return inputs * 2


def test_a_forward_that_waits_for_the_work_is_right_once_it_went_on() -> None:
    model = _Locked()
    reader = Reader(model, torch.ones(2))
    with model.lock:
        reader.read("a moment")
        reader.read("another one, at which the first still waits")
    reader.assert_seen([np.full(2, 2.0)], _bound(), "a forward")
    assert len(reader.seen) == 1


def test_an_output_that_is_none_of_the_right_ones_is_torn() -> None:
    reader = Reader(nn.Identity(), torch.ones(2))
    reader.read("a moment")
    with pytest.raises(Violation, match="torn: a forward, at a moment: output"):
        reader.assert_seen([np.zeros(2), np.full(2, 3.0)], _bound(), "a forward")
    reader.assert_seen([np.zeros(2), np.ones(2)], _bound(), "a forward")


def _bound() -> Tolerance:
    return tolerance("cpu", "float32")


class _Ends(nn.Linear):
    """Ends the process that unpickles it."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        os._exit(9)


class _Sleeps(nn.Linear):
    """Keeps the process that unpickles it."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        time.sleep(600)


@pytest.mark.parametrize(("kind", "limit", "words"), [
    (_Ends, 60.0, "exit code 9"), (_Sleeps, 3.0, "still running after 3 seconds"),
])
def test_a_spawned_process_that_ends_or_hangs_is_an_error(
    monkeypatch: pytest.MonkeyPatch, kind: type[nn.Linear], limit: float, words: str
) -> None:
    monkeypatch.setattr(pickling, "_LIMIT", limit)
    trial = Trial(Cell.parse("it:LIFE-13/linear/unstructured-0.5/float32/cpu"), InPlaceAdapter())
    main = sys.modules["__main__"]
    with pytest.raises(RuntimeError, match=words):
        pickling.lived_in_spawned_process(trial, kind(2, 2))
    assert sys.modules["__main__"] is main


def test_outputs_are_taken_without_gradients() -> None:
    assert output_of(nn.Linear(2, 2), torch.ones(1, 2)).shape == (1, 2)
