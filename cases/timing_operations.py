"""How long each operation of a sparsifier takes. Not collected unless named: `sparsecheck bench` runs it.

What an operation takes up is made anew for every round, outside the time.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sparsecheck.timing.timekeeper import subject_of
from sparsecheck.timing.timing import CLOCK, Benchmark, TimingSubject, copied, times

pytestmark = [pytest.mark.sparsecheck_timing, pytest.mark.benchmark(timer=CLOCK, disable_gc=True)]


@pytest.fixture
def subject(request: pytest.FixtureRequest, benchmark: Benchmark) -> Iterator[TimingSubject]:
    """One sparsifier at one size."""
    with subject_of(request, benchmark) as made:
        yield made


@times("attach")
def test_attach(benchmark: Benchmark, subject: TimingSubject) -> None:
    time(benchmark, subject, subject.attach, lambda: (subject.dense_model(),))


@times("update")
def test_update(benchmark: Benchmark, subject: TimingSubject) -> None:
    time(benchmark, subject, lambda sparsified: sparsified.update(), lambda: (subject.attached(),))


@times("forward")
def test_forward(benchmark: Benchmark, subject: TimingSubject) -> None:
    subject.time_forward(benchmark)


@times("finalize")
def test_finalize(benchmark: Benchmark, subject: TimingSubject) -> None:
    time(benchmark, subject, lambda sparsified: sparsified.finalize(), lambda: (subject.sparsified(),))


@times("save")
def test_save(benchmark: Benchmark, subject: TimingSubject) -> None:
    sparsified = subject.sparsified()
    time(benchmark, subject, sparsified.save)


@times("restore")
def test_restore(benchmark: Benchmark, subject: TimingSubject) -> None:
    saved = copied(subject.sparsified().save())
    time(benchmark, subject, subject.restore, lambda: (subject.dense_model(), copied(saved)))


@times("trace")
def test_trace(benchmark: Benchmark, subject: TimingSubject) -> None:
    model = subject.sparsified().model
    time(benchmark, subject, lambda: subject.trace(model))


def time(
    benchmark: Benchmark,
    subject: TimingSubject,
    call: Callable[..., object],
    make: Callable[[], tuple[Any, ...]] = tuple,
) -> None:
    """Time `call` on what `make` makes, anew each round."""
    benchmark.pedantic(call, setup=lambda: (make(), {}), rounds=subject.rounds, warmup_rounds=1)
