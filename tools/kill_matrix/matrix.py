"""Judge miniatures and correct variants by the canonical cells of requirements."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from multiprocessing import get_context
from typing import Any
from unittest.mock import patch

from torch._dynamo import guards

from sparsecheck import Adapter
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.adapter.shipped.structural_exemplar import StructuralExemplarAdapter
from sparsecheck.catalogue import CATALOGUE
from sparsecheck.programs import judging
from sparsecheck.programs.known import Known
from sparsecheck.programs.offer import Offer
from sparsecheck.report.ledger import SMOKE
from sparsecheck.values.cell import Cell
from sparsecheck.values.declaration import Declaration
from tests.bench_of_one import available, canonical, judge
from tests.miniatures.all import MINIATURES, Miniature
from tests.variants.all import VARIANTS
from tests.warm_python import warm_processes
from tools.kill_matrix import pins as stored_pins
from tools.kill_matrix.alike import Keeping, Kept, making
from tools.kill_matrix.pins import Pins, Row
from tools.kill_matrix.touched import touches

IDS = tuple(one.id for one in CATALOGUE)
NAMES = {one.name: one for one in MINIATURES}


# --------------------------------------------------------------------- judging


def rejecting(miniature: Miniature, ids: Iterable[str]) -> Row:
    """Return those of the requirements `ids` whose canonical cell rejects a miniature.

    Each cell is judged with an adapter of its own, so that none depends on what was judged before.
    """
    asked = {id for id in ids if is_run(miniature, id)}
    cells = [*canonical(miniature.adapter(), asked)]
    with cheaper():
        records = [judge(miniature.adapter(), one) for one in cells]
    red = {Cell.parse(record.cell).requirement for record in records if record.verdict.is_red}
    return tuple(id for id in IDS if id in red)


def is_run(miniature: Miniature, id: str) -> bool:
    """Return whether a run would come to requirement `id`: if the smoke test fails, nothing else is judged."""
    return id.startswith(SMOKE) or not miniature.requirement.startswith(SMOKE)


def alarms(name: str, ids: Iterable[str] = IDS, every: bool = False) -> tuple[str, ...]:
    """Return what the requirements `ids` reject of a correct variant, by canonical cells or by every cell."""
    adapter, asked = VARIANTS[name](), set(ids)
    cells = [one for one in (available if every else canonical)(adapter) if one.cell.requirement in asked]
    with cheaper():
        records = [judge(VARIANTS[name](), one) for one in cells]
    return tuple(f"{record.cell}: {record.message}" for record in records if record.verdict.is_red)


@cache
def of_the_exemplars() -> Kept:
    """Return what torch makes of the exemplars' models when they are traced, exported and compiled."""
    keeping = Keeping()
    with making(keeping):
        for adapter in (ExemplarAdapter(), StructuralExemplarAdapter()):
            for one in canonical(adapter):
                if one.cell.area in ("TRACE", "STRUCT", "DEVICE"):
                    judge(adapter, one)
    return keeping.kept()


@contextmanager
def cheaper() -> Iterator[None]:
    """Fork fresh interpreters, and neither export nor compile again what is like the exemplar's model.

    Nor does torch time the guards of what it compiles, for which it empties the processor's caches. What a sparsifier
    offers to programs is found out once inside, so that only one sparsifier may be judged there.
    """
    untimed = patch.object(guards, "profile_guard_manager", lambda *_: 0.0)
    with warm_processes(), untimed, making(of_the_exemplars()), _asked_once():
        yield


@contextmanager
def _asked_once() -> Iterator[None]:
    """Find out what the first adapter inside offers, and say the same of all others."""
    first = list[Known[Offer]]()

    def know(adapter: Adapter, declaration: Declaration) -> Known[Offer]:
        first[:] = first or [found_out(adapter, declaration)]
        return first[0]

    found_out = judging.know
    with patch.object(judging, "know", know):
        yield


# ------------------------------------------------------------ what is computed


@dataclass(frozen=True)
class Task:
    """The requirements to judge each miniature and each variant by."""

    miniatures: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    variants: tuple[str, ...] = ()


def everything() -> Task:
    """Return every pair."""
    return Task(dict.fromkeys(NAMES, IDS), IDS)


def changed(pins: Pins, only: Sequence[str] = ()) -> Task:
    """Return the pairs that `pins` lack or have by other code, and those that `only` names."""
    requirements, miniatures = stored_pins.requirement_digests(), stored_pins.miniature_digests()
    columns = tuple(id for id in IDS if pins.requirements.get(id) != requirements[id] or id in only)
    rows = {name for name in NAMES if pins.miniatures.get(name) != miniatures[name] or name in only}
    found = {name: IDS if name in rows else columns for name in NAMES}
    return Task({name: ids for name, ids in found.items() if ids}, columns)


def compute(task: Task, pins: Pins, jobs: int, every: bool = False) -> tuple[dict[str, Row], dict[str, Row]]:
    """Return all rows, those of `task` computed anew, and by variant what rejects it."""
    names = list(VARIANTS) if task.variants else []
    work = [*task.miniatures.items()]
    with _mapping(jobs if len(work) + len(names) > _FEW else 0) as each:
        found = each(partial(alarms, ids=task.variants, every=every), names)
        judged = each(_judged, work)
        rows = {**pins.rows, **{name: _merged(pins, name, ids, red) for name, ids, red in judged}}
        raised = dict(zip(names, found, strict=True))
    return {name: rows[name] for name in NAMES}, raised


def _judged(work: tuple[str, tuple[str, ...]]) -> tuple[str, tuple[str, ...], Row]:
    name, ids = work
    miniature = NAMES[name]
    with warm_processes():
        seen = [id for id in ids if touches(miniature.adapter, id)]
    return name, ids, rejecting(miniature, seen)


def _merged(pins: Pins, name: str, judged: Iterable[str], red: Row) -> Row:
    """Return a row with what was judged now in the place of what was stored, and its own requirement."""
    stored = set(pins.rows.get(name, ())) - set(judged)
    return tuple(id for id in IDS if id in stored or id in red or id == NAMES[name].requirement)


_FEW = 4
"""The number of sparsifiers for which it does not pay to start processes."""


@contextmanager
def _mapping(jobs: int) -> Iterator[Callable[..., Iterable[Any]]]:
    """Yield a function that works as `map`, in this process without `jobs`, and else in that many of them."""
    if not jobs:
        yield map
        return
    with ProcessPoolExecutor(jobs, get_context("spawn"), _get_ready) as pool:  # forked, they are a sixth slower
        yield pool.map


def _get_ready() -> None:
    gc.freeze()  # what there is now is here to stay
    gc.set_threshold(50_000)


def differences(seen: Mapping[str, Row], stored: Mapping[str, Row]) -> Iterator[str]:
    """Yield a line for each row that differs from the stored one."""
    for name in {**stored, **seen}:
        now, before = set(seen.get(name, ())), set(stored.get(name, ()))
        if now != before:
            more, fewer = (", ".join(sorted(ids)) or "none" for ids in (now - before, before - now))
            yield f"{name}: newly rejected by: {more}; no longer by: {fewer}"
