"""How long each operation of a sparsifier takes. Not collected unless named: `sparsecheck bench` runs it."""

from collections.abc import Callable

import pytest

from sparsecheck.operations.clocks import CLOCK
from sparsecheck.features.bench.measure import Benchmark
from sparsecheck.features.bench.timekeeper import timer_of


@pytest.fixture
def time_entry(request: pytest.FixtureRequest, benchmark: Benchmark) -> Callable[[], None]:
    """One entry of the plan."""
    return timer_of(request, benchmark)


@pytest.mark.sparsecheck_timing
@pytest.mark.benchmark(timer=CLOCK, disable_gc=True)
def test_operation(time_entry: Callable[[], None]) -> None:
    time_entry()
