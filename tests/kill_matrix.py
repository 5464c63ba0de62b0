"""The kill matrix: which requirements reject which miniature. `python -m tests.kill_matrix` computes it, holds it
against what is pinned in `kill_matrix.json`, and with --write writes that file, `diagnoses.json` and the
page in docs/ anew."""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from unittest.mock import patch

import click
from torch._dynamo import guards

from sparsecheck import Adapter
from sparsecheck.catalogue import CATALOGUE
from sparsecheck.report.ledger import SMOKE, Planned
from sparsecheck.trials import fresh_process as fresh
from sparsecheck.values.cell import Cell
from sparsecheck.values.record import Record
from tests import diagnoses, forked_interpreter
from tests.alike import making
from tests.bench_of_one import available, canonical, judge
from tests.kill_matrix_page import page
from tests.miniatures.all import MINIATURES, Miniature
from tests.touched import OF_THE_EXEMPLAR, entered, touches
from tests.variants.all import VARIANTS

PINS = Path(__file__).with_suffix(".json")
PAGE = Path(__file__).parents[1] / "docs" / "kill_matrix.md"
Rows = dict[str, tuple[str, ...]]
"""By name of the miniature: the ids of the requirements that reject it, in the catalogue's order."""


def red(adapter: Adapter, cells: Iterable[Planned]) -> list[Record]:
    """The records of those of `cells` that reject `adapter`."""
    with _at_less_cost():
        records = [judge(adapter, one) for one in cells]
    return [record for record in records if record.verdict.is_red]


@contextmanager
def _at_less_cost() -> Iterator[None]:
    """Fresh interpreters are forked, and what is like the exemplar's model is neither exported nor compiled again. Nor
    does torch time the guards of what it compiles, for which it empties the processor's caches."""
    fork = patch.object(fresh, "interpret", forked_interpreter.interpret)
    untimed = patch.object(guards, "profile_guard_manager", lambda *_: 0.0)
    with fork, untimed, making(OF_THE_EXEMPLAR.kept()):
        yield


def row(miniature: Miniature) -> tuple[str, ...]:
    """The requirements whose canonical cell rejects it, and the one it was made for, which may by another cell."""
    adapter = miniature.adapter()
    cells = [one for one in canonical(adapter) if _is_run(miniature, one.cell)]
    ids = {Cell.parse(record.cell).requirement for record in red(adapter, cells)}
    return tuple(one.id for one in CATALOGUE if one.id in ids | {miniature.requirement})


def _is_run(miniature: Miniature, cell: Cell) -> bool:
    """Whether what is wrong with it can show there: of an adapter that was made to fail its smoke test nothing else
    is judged."""
    if miniature.requirement.startswith(SMOKE):
        return cell.area == SMOKE
    return touches(miniature.adapter, cell.requirement)


def pinned() -> Rows:
    """The rows as they are kept."""
    kept: dict[str, str] = json.loads(PINS.read_text("utf-8")) if PINS.exists() else {}
    return {name: tuple(ids.split()) for name, ids in kept.items()}


def _row_of(name: str) -> tuple[str, ...]:
    return row(next(one for one in MINIATURES if one.name == name))


def alarms(name: str, every: bool = False) -> tuple[str, ...]:
    adapter = VARIANTS[name]()
    cells = available(adapter) if every else canonical(adapter)
    return tuple(f"{record.cell}: {record.message}" for record in red(adapter, cells))


def computed(pool: ProcessPoolExecutor) -> Rows:
    """The row of every miniature."""
    names = [miniature.name for miniature in MINIATURES]
    return dict(zip(names, pool.map(_row_of, names), strict=True))


def differences(seen: Mapping[str, tuple[str, ...]], kept: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """One line for each row that is not as it is pinned."""
    for name in {**kept, **seen}:
        now, before = set(seen.get(name, ())), set(kept.get(name, ()))
        if now != before:
            more, fewer = (", ".join(sorted(ids)) or "none" for ids in (now - before, before - now))
            yield f"{name}: rejected by more than is pinned: {more}; by fewer: {fewer}"


def write(rows: Rows) -> None:
    """The pins, and the page that is made of them."""
    PINS.write_text(json.dumps({name: " ".join(ids) for name, ids in rows.items()}, indent=0) + "\n", "utf-8")
    PAGE.write_text(page(MINIATURES, rows, VARIANTS), "utf-8")


def _get_ready() -> None:
    forked_interpreter.start()
    with _at_less_cost():
        entered()
    gc.freeze()  # what there is now is here to stay
    gc.set_threshold(50_000)


@click.command()
@click.option("-j", "jobs", default=2, show_default=True, help="processes")
@click.option("--write", "rewrite", is_flag=True, help="write pins and page")
@click.option("--every-cell", "every", is_flag=True, help="judge variants by every cell, not the canonical ones alone")
def main(jobs: int, rewrite: bool, every: bool) -> None:
    """Judge every miniature and every variant by every requirement."""
    start = time.monotonic()
    with ProcessPoolExecutor(jobs, get_context("spawn"), _get_ready) as pool:  # forked, they are a sixth slower
        found = pool.map(partial(alarms, every=every), VARIANTS)
        rows, raised = computed(pool), dict(zip(VARIANTS, found, strict=True))
    if rewrite:
        write(rows)
        diagnoses.write()
    problems = [*differences(rows, pinned()), *(f"{name}: {one}" for name, all in raised.items() for one in all)]
    for problem in problems:
        click.echo(problem)
    killed = {id for ids in rows.values() for id in ids}
    click.echo(
        f"{len(killed)} of {len(CATALOGUE)} requirements reject some of {len(rows)} miniatures; "
        f"{sum(not any(all) for all in raised.values())} of {len(raised)} variants are accepted by all; "
        f"{time.monotonic() - start:.0f} s in {jobs} processes"
    )
    sys.exit(bool(problems) or len(killed) < len(CATALOGUE))


if __name__ == "__main__":
    main()
