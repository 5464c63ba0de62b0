"""How long each operation of a sparsifier takes. Not collected unless named: `sparsecheck bench` runs it."""

from collections.abc import Callable

import pytest

from sparsecheck.operations.clocks import CLOCK


@pytest.mark.sparsecheck_timing
@pytest.mark.benchmark(timer=CLOCK, disable_gc=True)
def test_operation(time_entry: Callable[[], None]) -> None:
    time_entry()
