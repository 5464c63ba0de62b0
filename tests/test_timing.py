"""Timing: the plan, workloads, interleaving, statistics of ratios, and the floor."""

from __future__ import annotations

import copy
import gc
import itertools
import math
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sparsecheck import Context, Plan, Sparsified, Violation
from sparsecheck.adapter.discovery import Found, find, load
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.features.bench import interleaving, measure
from sparsecheck.features.bench.floor_adapter import FloorAdapter
from sparsecheck.features.bench.interleaving import Arm, Pace, Turns
from sparsecheck.features.bench.measure import GATED, Settings, arm
from sparsecheck.features.bench.ratio_statistics import FEWEST, discarded_at_each_end, is_above, pairs_for, ratio
from sparsecheck.features.bench.text import render_table
from sparsecheck.operations.clocks import CLOCK, quiet
from sparsecheck.operations.tasks import Subject, Task, dense_task, task
from sparsecheck.operations.workload import Workload, lacking, pattern_of
from sparsecheck.process.device import clock_of
from sparsecheck.values.timing import OPERATIONS, SIZES, Entry, Ratio, Scope, State, Timing, exit_code, plan

CPU = torch.device("cpu")


def found_as(adapter: ExemplarAdapter) -> Found:
    return Found("it", adapter, adapter.declare("it"), Path("it.py"))


def subject(adapter: ExemplarAdapter | FloorAdapter, size: str = "16x16", pattern: str = "unstructured-0.5") -> Subject:
    return Subject(adapter, Workload(size, pattern, CPU))


# ------------------------------------------------------------------- the plan


def test_unsized_operations_are_timed_at_the_first_size_only() -> None:
    planned = Counter(entry.operation for entry in plan(["it"], Scope(sizes=("16x16", "64x64"))))
    assert planned == {name: 2 if operation.is_sized else 1 for name, operation in OPERATIONS.items()}


def test_only_named_entries_are_planned() -> None:
    [one] = plan(["it"], Scope(only=("forward/256x256/cpu",)))
    assert one.id == "it:forward/256x256/cpu"


@pytest.mark.parametrize("scope", [{"operations": ("no",)}, {"sizes": ("17x17",)}])
def test_an_unknown_operation_or_size_lists_the_known_ones(scope: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match=r"there is no (operation|size) '(no|17x17)'; known are (attach|16x16), "):
        Scope(**scope)


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ((), 3),
        ((State.NOT_OFFERED,), 3),
        ((State.TIMED,), 0),
        ((State.TIMED, State.NOT_OFFERED), 0),
        ((State.TIMED, State.RAISED), 1),
        ((State.RAISED,), 1),
        ((State.TIMED, State.RAISED, State.NOT_TIMED), 3),
    ],
)
def test_exit_code(states: tuple[State, ...], code: int) -> None:
    assert exit_code([Timing(Entry("it", "attach", "16x16"), state) for state in states]) == code


def test_the_table_has_every_entry() -> None:
    entries = plan(["it"])
    timings = [
        Timing(entry, State.TIMED, median=1.5e-6, ratios={"floor": Ratio(1.25, 1.2, 1.3, 1.2, 9)}) for entry in entries
    ]
    timings[3] = Timing(entries[3], State.NOT_TIMED, "why not")
    lines = list(render_table(timings))
    assert lines[1].split() == ["it", "attach", "256x256", "cpu", "1.5", "1.25", "[1.2,", "1.3]"]
    told = [line.split()[:3] for line in lines[1:len(entries) + 1]]
    assert told == [["it", entry.operation, entry.size] for entry in entries]
    assert f"NOT TIMED: {entries[3].id}: why not" in lines


# ------------------------------------------------------------------- workloads


@pytest.mark.parametrize("size", [name for name, size in SIZES.items() if max(size.shape) <= 256])
@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name != "compile"])
def test_every_operation_runs_at_every_size(size: str, operation: str) -> None:
    one = subject(ExemplarAdapter(), size)
    one.assert_plan_applied()
    made = task(operation, one)
    for _ in range(2):
        made.call(*made.made())


def test_models_of_a_workload_are_equal_but_separate() -> None:
    workload = Workload("block128", "unstructured-0.5", CPU)
    one, other = workload.dense_model(), workload.dense_model()
    anew = Workload("block128", "unstructured-0.5", CPU).dense_model()
    for (name, weight), *twins in zip(*(model.named_parameters() for model in (one, other, anew)), strict=True):
        assert all(torch.equal(weight, twin) for _, twin in twins), name
        assert all(weight.data_ptr() != twin.data_ptr() for _, twin in twins), name
    assert set(workload.plan.names) == {f"{name}.weight" for name in ("query", "key", "value", "out", "up", "down")}


class Aside(ExemplarAdapter):
    """Sparsifies a copy and returns the original model."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        sparsified = super().attach(copy.deepcopy(model), plan, context)
        sparsified.model = model
        sparsified.update = lambda level=None: None  # type: ignore[method-assign]
        return sparsified


def test_an_unchanged_model_is_not_timed() -> None:
    with pytest.raises(Violation, match="plan-not-applied"):
        subject(Aside()).assert_plan_applied()


class Silent(ExemplarAdapter):
    """Returns a model that runs no layer."""

    def attach(self, model: nn.Module, plan: Plan, context: Context) -> Sparsified:
        sparsified = super().attach(model, plan, context)
        model.forward = lambda inputs: inputs
        return sparsified


def test_a_model_without_layers_is_not_timed() -> None:
    with pytest.raises(Violation, match="forward-differs: forward runs 0 layer functions, but the dense model runs 1"):
        subject(Silent()).assert_plan_applied()


def test_the_timed_pattern_requires_ranking() -> None:
    class Blocks(ExemplarAdapter):
        supported = ExemplarAdapter.supported.replace("unstructured ", "").replace("linear ", "")
        unsupported = "unstructured linear"

    matrix, convolution = SIZES["16x16"], SIZES["conv64"]
    assert pattern_of(ExemplarAdapter().declare("it"), matrix) == "unstructured-0.5"
    assert pattern_of(Blocks().declare("it"), matrix) == "block1x4-0.5"
    assert pattern_of(Blocks().declare("it"), convolution) == "channel0-0.5"
    assert lacking(Entry("it", "attach", "16x16"), ExemplarAdapter().declare("it")) == ()
    assert lacking(Entry("it", "attach", "16x16"), Blocks().declare("it")) == ("linear",)
    assert lacking(Entry("it", "attach", "conv64"), Blocks().declare("it")) == ()


# ------------------------------------------------------------------- the floor


@pytest.mark.parametrize(
    ("size", "pattern"),
    [("16x16", pattern) for pattern in ("unstructured-0.5", "block1x4-0.5", "2of4", "channel0-0.5", "given")]
    + [("conv64", "unstructured-0.5"), ("conv64", "channel0-0.5"), ("block128", "unstructured-0.5")],
)
def test_the_floor_computes_the_masks_of_the_exemplar(size: str, pattern: str) -> None:
    floor, exemplar = subject(FloorAdapter(), size, pattern), subject(ExemplarAdapter(), size, pattern)
    inputs = floor.workload.inputs
    one, other = floor.sparsified(), exemplar.sparsified()
    for name, mask in other.masks().items():
        assert torch.equal(one.masks()[name], mask), name
    assert torch.allclose(one.model(inputs), other.model(inputs), atol=1e-6)
    restored = floor.restore(floor.workload.dense_model(), one.save())
    assert torch.allclose(restored.model(inputs), other.model(inputs), atol=1e-6)
    assert torch.allclose(one.finalize()(inputs), other.model(inputs), atol=1e-6)


def test_the_floor_of_a_band_is_the_band() -> None:
    masks = subject(FloorAdapter(), "16x16", "band-3").sparsified().masks()
    [mask] = masks.values()
    assert mask.tolist() == [[abs(row - column) <= 1 for column in range(16)] for row in range(16)]


# ---------------------------------------------------------------------- clocks


def test_the_garbage_collector_is_off_while_timing_and_restored() -> None:
    gc.unfreeze()
    threads = torch.get_num_threads()
    with quiet():
        assert (torch.get_num_threads(), gc.isenabled()) == (1, False)
        assert gc.get_freeze_count() > 1000
    assert (torch.get_num_threads(), gc.isenabled()) == (threads, True)
    assert gc.get_freeze_count() > 1000


def test_the_benchmark_clock_divides_a_block_by_its_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CLOCK, "clock", lambda: 8.0)
    monkeypatch.setattr(CLOCK, "calls", 4)
    assert CLOCK() == 2.0
    assert CLOCK.__name__ == "thread_time"


# ----------------------------------------------------------------------- turns


class Clocked:
    """A clock that only tasks advance."""

    def __init__(self) -> None:
        self.now = 0.0
        self.log: list[str] = []

    def __call__(self) -> float:
        return self.now

    def arm(
        self, name: str, seconds: float, make: Callable[[], tuple[str, ...]] | None = None, pace: Pace | None = None
    ) -> Arm:
        def call(*_: object) -> None:
            self.log.append(name)
            self.now += seconds

        return Arm(Task(call, make), self, pace)


def test_short_tasks_are_repeated_and_warmed_up() -> None:
    clock = Clocked()
    arm = clock.arm("it", 1e-4)
    assert arm.pace.calls == 4
    clock.log.clear()
    assert arm.seconds() == pytest.approx(1e-4)
    assert len(clock.log) == 5


def test_a_block_has_a_power_of_two_calls() -> None:
    clock = Clocked()
    calls = [clock.arm("it", seconds).pace.calls for seconds in (1e-9, 2e-5, 3.9e-5, 1.4e-4, 3.9e-4, 4.1e-4, 1.0)]
    assert calls == [32, 32, 16, 4, 2, 1, 1]


def test_a_given_pace_is_used() -> None:
    clock = Clocked()
    arm = clock.arm("it", 1.0, pace=Pace(8, is_long=False))
    clock.log.clear()
    assert arm.seconds() == 1.0
    assert len(clock.log) == 9


class Benchmarked:
    """A stand-in for the part of pytest-benchmark's fixture that is used."""

    def __init__(self) -> None:
        self.enabled = True
        self.extra_info: dict[str, Any] = {}
        self.group: str | None = None
        self.stats = None

    def pedantic(self, target: Callable[..., Any], **options: Any) -> None:
        for _ in range(options["rounds"]):
            options["setup"]()
            target()
            options["teardown"]()


def test_comparisons_are_timed_at_their_own_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    paces = list[Pace | None]()

    def recording(*arguments: Any) -> Arm:
        paces.append(arguments[3] if len(arguments) > 3 else None)
        return arm(*arguments)

    monkeypatch.setattr(measure, "arm", recording)
    found = load(find("exemplar", ()))
    entry = Entry("exemplar", "finalize", "16x16", "cpu")
    rival = partial(recording, entry, ExemplarAdapter(), subject(ExemplarAdapter(), "16x16").workload)
    timing = measure.measure(entry, found, Settings(budget=0.0, comparisons=GATED), Benchmarked(), rival)
    assert set(timing.ratios) == {"self", "rival"}
    own, *others = paces
    assert own is None
    assert len(others) == 2
    assert others[0] == others[1] != Pace()


def test_long_tasks_are_called_once_without_warm_up() -> None:
    clock = Clocked()
    arm = clock.arm("it", 1.0)
    clock.log.clear()
    assert arm.seconds() == 1.0
    assert clock.log == ["it"]


def test_arguments_are_made_outside_the_timed_block() -> None:
    clock = Clocked()

    def make() -> tuple[str, ...]:
        clock.now += 100.0
        return ("made",)

    assert clock.arm("it", 1.0, make).seconds() == 1.0


def test_turns_are_balanced_so_a_drift_cancels() -> None:
    clock = Clocked()
    arms = {name: clock.arm(name, seconds) for name, seconds in (("own", 2.0), ("self", 2.0), ("floor", 1.0))}
    taken = Turns(arms["own"], {"self": arms["self"], "floor": arms["floor"]}, "it")
    clock.log.clear()
    with quiet():
        for _ in range(600):
            taken.before()
            taken.turn()
            taken.after()
    rounds = [tuple(clock.log[start:start + 3]) for start in range(0, 1800, 3)]
    assert set(rounds) == set(itertools.permutations(arms))
    assert min(Counter(rounds).values()) > 60
    assert (taken.ratios()["self"].median, taken.ratios()["floor"].median) == (1.0, 2.0)


def test_the_order_is_the_same_for_the_same_entry() -> None:
    orders = [list(itertools.islice(interleaving._orders(3, token), 300)) for token in ("it", "it", "other")]
    assert orders[0] == orders[1] != orders[2]


@pytest.mark.parametrize(
    ("spread", "budget", "expected"),
    [(0.0, 1e9, 40), (0.3, 1e9, 400), (0.3, 10.0, 10), (0.0, 0.0, FEWEST), (0.03, 1e9, 77)],
)
def test_rounds_follow_precision_and_budget(spread: float, budget: float, expected: int) -> None:
    clock = Clocked()
    taken = Turns(clock.arm("own", 1.0), {"self": clock.arm("self", 1.0)}, "it")
    taken.own = [math.exp(step * spread / 1.4826) for step in (-2, -1, 0, 1, 2)]
    taken.others["self"] = [1.0] * 5
    assert taken.rounds(0.01, budget, 1.0) + 5 == expected


# -------------------------------------------------------------------- evidence


def test_the_interval_has_its_nominal_coverage() -> None:
    for pairs in (7, 8, 20, 40, 101, 400):
        reach = discarded_at_each_end(pairs)
        below = [math.comb(pairs, count) / 2**pairs for count in range(reach + 2)]
        assert sum(below[:reach + 1]) <= 0.01 < sum(below)


def test_too_few_pairs_give_their_extremes_and_are_never_significant() -> None:
    found = ratio([2.0, 2.2, 2.4], [1.0, 1.0, 1.0])
    assert (found.low, found.high) == pytest.approx((2.0, 2.4))
    assert not is_above(found, 0.1)


def test_a_ratio_is_of_pairs() -> None:
    found = ratio([2.0, 40.0, 2.0, 20.0, 2.0, 2.0, 2.0], [1.0, 20.0, 1.0, 10.0, 1.0, 1.0, 1.0])
    assert (found.median, found.low, found.high, found.pairs) == pytest.approx((2.0, 2.0, 2.0, 7))


@pytest.mark.parametrize(("own", "rivals"), [([], []), ([1.0], [1.0, 2.0])])
def test_unpaired_times_are_an_error(own: list[float], rivals: list[float]) -> None:
    with pytest.raises(ValueError, match="are no pairs"):
        ratio(own, rivals)


@pytest.mark.parametrize(
    ("low", "quantile", "pairs", "expected"),
    [(1.04, 1.04, 7, True), (1.02, 1.04, 7, False), (1.04, 1.02, 7, False), (1.04, 1.04, 6, False)],
)
def test_significance_needs_both_the_bound_and_the_quantile(
    low: float, quantile: float, pairs: int, expected: bool
) -> None:
    assert is_above(Ratio(1.05, low, 1.06, quantile, pairs), 0.03) is expected


def test_more_spread_needs_more_pairs() -> None:
    step = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    assert pairs_for(list(step * 0.0), 0.01) == FEWEST
    assert pairs_for(list(step * 0.02), 0.01) == math.ceil((2.326 * 1.2533 * 0.02 * 1.4826 / 0.01) ** 2)


def test_the_dense_model_has_its_own_task() -> None:
    workload = Workload("16x16", "given", CPU)
    assert all(dense_task(name, workload).make is None for name, one in OPERATIONS.items() if one.is_models)
    assert clock_of(CPU)() <= clock_of(CPU)()
