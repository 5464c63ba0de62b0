"""For work on sparsecheck itself; nothing that the wheel needs."""

import sys
from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from tests.warm_python import warm_processes

pytest_plugins = ["pytester"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "cold: the interpreters that it starts are not forked from a warm one")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Fork the interpreters that a test or its fixtures start, since most of their time is spent importing torch.

    The import path is restored after the test: loading an adapter file adds its folder.
    """
    path = [*sys.path]
    try:
        with nullcontext() if item.get_closest_marker("cold") else warm_processes():
            return (yield)
    finally:
        sys.path[:] = path
