"""Judge broken sparsifiers, and count which are rejected."""

from __future__ import annotations

import contextlib
import importlib
import signal
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from typing import Any

import torch

from sparsecheck import Adapter
from tests.bench_of_one import available, canonical, judge
from tests.conditional.all import CONDITIONALS
from tools.kill_matrix.matrix import cheaper

from .checking import Shows, check
from .products import products

Judge = Callable[[Adapter], str | None]
"""Returns the first statement that a sparsifier violates, or None if it is accepted."""


@dataclass(frozen=True)
class Broken:
    """A broken sparsifier that can be judged in another process.

    Attributes:
        module: The module that has its adapter.
        name: The name of the adapter's class there.
        group: What it is counted under.
        says: What is wrong with it.
    """

    module: str
    name: str
    group: str
    says: str

    @property
    def adapter(self) -> Adapter:
        made: Adapter = getattr(importlib.import_module(self.module), self.name)()
        return made


@dataclass(frozen=True)
class Result:
    """What a judge says of a broken sparsifier.

    Attributes:
        broken: The sparsifier.
        violated: The statement that it violates; empty if it was accepted.
        error: What the judge raised instead of a verdict; empty if it gave one.
    """

    broken: Broken
    violated: str = ""
    error: str = ""


def miniatures() -> Iterator[Broken]:
    """Yield the conditional miniatures."""
    for one in CONDITIONALS:
        yield Broken(one.adapter.__module__, one.adapter.__name__, "miniature", one.says)


def everything() -> Iterator[Broken]:
    """Yield all products, also those that cannot show."""
    for product in products():
        group = f"{product.fault.kind} x {product.condition.axis}"
        yield Broken("tools.factory.products", product.name, group, product.says)


def by_canonical_cells(adapter: Adapter) -> str | None:
    """Return the first canonical cell that is red: what the requirements notice without programs."""
    return _first_red(adapter, canonical(adapter))


def by_cells(adapter: Adapter) -> str | None:
    """Return the first cell that is red, of all that can be judged here."""
    return _first_red(adapter, available(adapter))


def _first_red(adapter: Adapter, cells: Iterable[Any]) -> str | None:
    with cheaper():
        for cell in cells:
            record = judge(adapter, cell)
            if record.verdict.is_red:
                return f"{record.cell.removeprefix('it:')}: {record.signature}"
    return None


# ----------------------------------------------------------------- many at a time


def judge_all(subjects: Iterable[Broken], judge_name: str, limit: int, jobs: int) -> Iterator[Result]:
    """Judge each sparsifier in one of `jobs` processes, and yield the results in order.

    Args:
        subjects: The sparsifiers.
        judge_name: The judge, `MODULE:FUNCTION`.
        limit: Seconds that one may take; a sparsifier that takes longer is rejected for it.
        jobs: The number of processes.
    """
    load(judge_name)
    yield from _in_processes(partial(_judged, judge_name, limit), subjects, jobs)


def check_all(jobs: int) -> Iterator[tuple[Broken, Shows]]:
    """Yield every product with what it shows."""
    subjects = [*everything()]
    yield from zip(subjects, _in_processes(_checked, range(len(subjects)), jobs), strict=True)


def load(name: str) -> Judge:
    """Return the judge `MODULE:FUNCTION`."""
    module, _, function = name.partition(":")
    found: Judge = getattr(importlib.import_module(module), function)
    return found


def _in_processes(function: Callable[[Any], Any], work: Iterable[Any], jobs: int) -> Iterator[Any]:
    with ProcessPoolExecutor(jobs, get_context("spawn"), _get_ready) as pool:
        yield from pool.map(function, work)


def _get_ready() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")


@cache
def _products() -> tuple[Any, ...]:
    return tuple(products())


def _checked(number: int) -> Shows:
    return check(_products()[number])


class _TooLong(BaseException):
    pass


def _judged(judge_name: str, limit: int, broken: Broken) -> Result:
    try:
        with _at_most(limit):
            return Result(broken, violated=load(judge_name)(broken.adapter) or "")
    except _TooLong:
        return Result(broken, violated=f"does not end within {limit} s")
    except Exception as error:
        return Result(broken, error=f"{type(error).__name__}: {error}"[:500])


@contextlib.contextmanager
def _at_most(limit: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise _TooLong

    earlier = signal.signal(signal.SIGALRM, stop)
    signal.alarm(limit)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, earlier)
