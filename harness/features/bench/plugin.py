"""The pytest plugin of timing runs, loaded by `pytest -p sparsecheck.features.bench.plugin` in `sparsecheck bench`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ...adapter.discovery import NotFound
from .measure import Benchmark
from .timing_hooks import NAME, NotTimed, Timekeeper, check, timer_of


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that `sparsecheck bench` passes."""
    add = parser.getgroup("sparsecheck-bench", "timings of PyTorch sparsifiers").addoption
    add("--sparsecheck-time", action="append", default=[], metavar="NAME", help="time this registered sparsifier")
    add("--sparsecheck-time-adapter", action="append", default=[], metavar="FILE", help="time the adapter in this file")
    add("--sparsecheck-timings", metavar="FILE", help="write the state of every entry here, except the times")
    add("--sparsecheck-timing-settings", metavar="JSON", help="how to time: sizes, comparisons, precision")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker of timing cases."""
    config.addinivalue_line("markers", "sparsecheck_timing: a timing case, run by itself and without xdist")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrize timing cases with the entries to time."""
    if metafunc.definition.get_closest_marker("sparsecheck_timing"):
        ids = _timekeeper(metafunc.config).to_time
        metafunc.parametrize("time_entry", ids, ids=ids, indirect=True)


def _timekeeper(config: pytest.Config) -> Timekeeper:
    """Return the timekeeper of this run; create and register it on the first call.

    Raises:
        pytest.Collector.CollectError: Nothing would be timed, or a sparsifier is not found.
    """
    keeper: Timekeeper | None = config.pluginmanager.get_plugin(NAME)
    if keeper is None:
        files = [Path(file).absolute() for file in config.option.sparsecheck_time_adapter]
        try:
            check(config)
            keeper = Timekeeper(config, config.option.sparsecheck_time, files)
        except (NotTimed, NotFound) as error:
            raise pytest.Collector.CollectError(str(error)) from None
        config.pluginmanager.register(keeper, NAME)
    return keeper


@pytest.fixture
def time_entry(request: pytest.FixtureRequest, benchmark: Benchmark) -> Callable[[], None]:
    """Return the function that times one entry of the plan."""
    return timer_of(request, benchmark)
