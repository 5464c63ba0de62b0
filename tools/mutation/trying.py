"""Try a mutant in a fork of this process, in which the tests import the mutant instead of its module."""

from __future__ import annotations

import ast
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LIMIT = 60
"""Seconds of processor time that a mutant may use."""

_PLUGINS = ("randomly", "cacheprovider", "xdist", "benchmark", "unraisableexception")
DESELECTED = (
    "expectation.py::test_a_run_without_a_shipped_expectation_is_red",
    "expectation.py::test_a_run_is_green_only_with_the_right_expectations",
    "expectation.py::test_expectations_are_applied_to_every_cell",
    "reference.py::test_a_case_raises_the_problem_of_its_reference",
    "reference.py::test_a_wrong_reference_is_an_error_not_a_failure",
)
"""Tests that judge whole sparsifiers: they are slow, and fail for many other reasons."""

_ARGUMENTS = [
    "-x", "-q", "--assert=plain", *(f"-pno:{plugin}" for plugin in _PLUGINS),
    *(f"--deselect=tests/test_{test}" for test in DESELECTED),
]


def file_of(module: str) -> Path:
    """Return the source file of a module such as `oracle/units`."""
    return ROOT / "harness" / f"{module}.py"


class _Loader(SourceFileLoader):
    def __init__(self, name: str, path: str, tree: ast.Module) -> None:
        super().__init__(name, path)
        self.tree = tree

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.tree, self.path, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    """Finds the modules in `trees` there, ahead of all others."""

    def __init__(self, trees: Mapping[str, ast.Module]) -> None:
        self.trees = {"sparsecheck." + module.replace("/", "."): (module, tree) for module, tree in trees.items()}

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname not in self.trees:
            return None
        module, tree = self.trees[fullname]
        file = str(file_of(module))
        return spec_from_file_location(fullname, file, loader=_Loader(fullname, file, tree))


def run(trees: Mapping[str, ast.Module], files: Sequence[str], plugin: object, folder: Path) -> int:
    """Run pytest on `files`, in a process that never imported a module in `trees`, and return its exit code."""
    sys.meta_path.insert(0, _Finder(trees))
    return int(pytest.main([*_ARGUMENTS, "--basetemp", str(folder), *files], plugins=[plugin]))


def fork(call: Callable[[], int], limit: int = LIMIT) -> int:
    """Start a silent process that leads its own group and exits with the result of `call`; return its id.

    Args:
        limit: Seconds of processor time that it may use.
    """
    if pid := os.fork():
        return pid
    code = 70
    try:
        os.setsid()
        signal.alarm(10 * limit)
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        for stream in (0, 1, 2):
            os.dup2(os.open(os.devnull, os.O_RDWR), stream)
        code = call()
    finally:
        os._exit(code)


class Watch:
    """Records the duration of each test, the functions of the modules that it enters, and whether it starts a process.

    Another process would not have the mutant.
    """

    def __init__(self, modules: Sequence[str], result: Path) -> None:
        self.modules = {str(file_of(module)): module for module in modules}
        self.result, self.spawned = result, False
        self.seen: dict[str, tuple[float, list[tuple[str, int]]]] = {}
        self.entered: set[tuple[str, int]] = set()
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: object) -> None:
        self.spawned |= event in ("subprocess.Popen", "os.fork", "os.posix_spawn")

    def _trace(self, frame: FrameType, event: str, argument: object) -> None:
        if event == "call" and (module := self.modules.get(frame.f_code.co_filename)):
            self.entered.add((module, frame.f_code.co_firstlineno))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.entered, self.spawned, start = set(), False, time.perf_counter()
        sys.settrace(self._trace)
        try:
            return (yield)
        finally:
            sys.settrace(None)
            if not self.spawned:
                self.seen[item.nodeid] = (time.perf_counter() - start, sorted(self.entered))

    def pytest_sessionfinish(self) -> None:
        self.result.write_text(json.dumps(self.seen), "utf-8")


class Only:
    """Runs these tests alone, in this order."""

    def __init__(self, tests: Sequence[str]) -> None:
        self.tests = tests

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        by_id = {item.nodeid: item for item in items}
        items[:] = [by_id[test] for test in self.tests if test in by_id]


def ended(calls: Mapping[str, Callable[[], int]], jobs: int) -> Iterator[tuple[str, int]]:
    """Yield the exit code of each call, made in a fork, as it ends."""
    waiting, running = iter(calls.items()), dict[int, str]()
    for name, call in islice(waiting, jobs):
        running[fork(call)] = name
    while running:
        pid, status = os.wait()
        for name, call in islice(waiting, 1):
            running[fork(call)] = name
        yield running.pop(pid), os.waitstatus_to_exitcode(status)
