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
from tests.conditional.all import CONDITIONALS

from . import judges, reach
from .checking import Shows, check
from .judges import NOTHING_KNOWN, Known
from .products import products

JUDGES = {
    "corpus": "tools.factory.judges:by_corpus", "cases": "tools.factory.judges:by_cases",
    "order": "tools.factory.judges:in_corpus_order",
}
"""The judges that have a name: the area WALK, all other areas, and the corpus in its order."""

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
        reached: The number of programs or cells that reach a product's fault; None if nothing is known about that.
    """

    broken: Broken
    violated: str = ""
    error: str = ""
    reached: int | None = None


def miniatures() -> Iterator[Broken]:
    """Yield the conditional miniatures."""
    for one in CONDITIONALS:
        yield Broken(one.adapter.__module__, one.adapter.__name__, "miniature", one.says)


def everything() -> Iterator[Broken]:
    """Yield all products, also those that cannot show."""
    for product in products():
        group = f"{product.fault.kind} x {product.condition.axis}"
        yield Broken("tools.factory.products", product.name, group, product.says)


# ----------------------------------------------------------------- many at a time


def judge_all(
    subjects: Iterable[Broken], judge_name: str, limit: int, jobs: int, known: Known = NOTHING_KNOWN
) -> Iterator[Result]:
    """Judge each sparsifier in one of `jobs` processes, and yield the results in order.

    Args:
        subjects: The sparsifiers.
        judge_name: The judge, `MODULE:FUNCTION`.
        limit: Seconds that one may take; a sparsifier that takes longer is rejected for it.
        jobs: The number of processes.
        known: What programs and cells reach.
    """
    load(judge_name)
    yield from _in_processes(partial(_judged, judge_name, limit), subjects, jobs, known)


def reach_all(jobs: int, programs: bool, cells: bool) -> Known:
    """Find out what programs and cells reach, in `jobs` processes."""
    names, ids = (tuple(reach.programs()) if programs else ()), (tuple(reach.cells()) if cells else ())
    found = tuple(_in_processes(_reached, [*names, *ids], jobs))
    return Known(found[: len(names)], found[len(names):])


def _reached(name: str) -> reach.Reached:
    return reach.reach_of(name) if name in reach.programs() else reach.reach_of_cell(name)


def check_all(jobs: int) -> Iterator[tuple[Broken, Shows]]:
    """Yield every product with what it shows."""
    subjects = [*everything()]
    yield from zip(subjects, _in_processes(_checked, range(len(subjects)), jobs), strict=True)


def load(name: str) -> Judge:
    """Return the judge `MODULE:FUNCTION`."""
    module, _, function = name.partition(":")
    found: Judge = getattr(importlib.import_module(module), function)
    return found


def _in_processes(
    function: Callable[[Any], Any], work: Iterable[Any], jobs: int, known: Known = NOTHING_KNOWN
) -> Iterator[Any]:
    with ProcessPoolExecutor(jobs, get_context("spawn"), _get_ready, (known,)) as pool:
        yield from pool.map(function, work)


def _get_ready(known: Known) -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    judges.know(known)


@cache
def _products() -> tuple[Any, ...]:
    return tuple(products())


def _checked(number: int) -> Shows:
    return check(_products()[number])


class _TooLong(BaseException):
    pass


def _judged(judge_name: str, limit: int, broken: Broken) -> Result:
    reached = judges.reached(broken.adapter)
    try:
        with _at_most(limit):
            return Result(broken, violated=load(judge_name)(broken.adapter) or "", reached=reached)
    except _TooLong:
        return Result(broken, violated=f"does not end within {limit} s", reached=reached)
    except Exception as error:
        return Result(broken, error=f"{type(error).__name__}: {error}"[:500], reached=reached)


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
