"""The pytest case that times one operation; `sparsecheck bench` names this file, otherwise it is not collected."""

from collections.abc import Callable

import pytest

from sparsecheck.operations.clocks import CLOCK


@pytest.mark.sparsecheck_timing
@pytest.mark.benchmark(timer=CLOCK, disable_gc=True)
def test_operation(time_entry: Callable[[], None]) -> None:
    """Time one entry."""
    time_entry()
