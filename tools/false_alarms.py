"""Run drawn programs on correct sparsifiers, none of which may fail one.

    python -m tools.false_alarms                              500 programs on every correct variant
    python -m tools.false_alarms --of exemplar --programs 2000
    python -m tools.false_alarms --only 'masks*' --save finds/

The programs are those of `sparsecheck explore` with the same seed. The sparsifiers run in this tool's own processes.
"""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import click
import msgspec
import torch

from sparsecheck import Adapter
from sparsecheck.adapter.discovery import Found
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.features.explore.child import judge
from sparsecheck.features.explore.drawn import made
from sparsecheck.features.explore.find import Signature, signature
from sparsecheck.features.explore.messages import NOT_OFFERED, Outcome
from sparsecheck.features.explore.search import ROUND, draw
from sparsecheck.programs.offer import Offer, offer_of
from sparsecheck.values.program import Program
from tests.variants.all import VARIANTS

EXEMPLAR = "exemplar"


@dataclass(frozen=True)
class Alarm:
    """A program that a correct sparsifier fails."""

    program: Program
    outcome: Outcome


@dataclass(frozen=True)
class Result:
    """What became of the programs that were run on one sparsifier.

    Attributes:
        name: The name of the variant.
        programs: The number of programs that were run.
        refused: How many of them it refused.
        alarms: The failures; the first of each kind, step and parameter.
    """

    name: str
    programs: int
    refused: int
    alarms: tuple[Alarm, ...]

    def __str__(self) -> str:
        return f"{self.name}: {self.programs} programs, {self.refused} refused, {len(self.alarms)} kinds of failures"


@click.command()
@click.option("--of", "which", type=click.Choice([EXEMPLAR, "variants"]), default="variants", show_default=True)
@click.option("--only", default="*", metavar="GLOB", help="Only the variants whose names match.")
@click.option("--programs", "count", default=500, show_default=True, help="Number of programs for each.")
@click.option("--seed", default=0, show_default=True, help="Seed of the search.")
@click.option("-j", "jobs", default=2, show_default=True, help="Number of processes.")
@click.option("--save", type=click.Path(path_type=Path), help="Write each program that fails to this folder.")
def main(which: str, only: str, count: int, seed: int, jobs: int, save: Path | None) -> None:
    """Run programs on correct sparsifiers, and exit with 1 if one fails."""
    names = [EXEMPLAR] if which == EXEMPLAR else [name for name in _maskers() if fnmatch(name, only)]
    failed = False
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        for result in pool.map(partial(_result, count=count, seed=seed), names):
            click.echo(str(result))
            failed |= bool(result.alarms)
            for number, alarm in enumerate(result.alarms, 1):
                click.echo(f"    {alarm.outcome.kind}: {alarm.outcome.message[:300]}")
                if save is not None:
                    _save(alarm.program, save / f"{result.name}-{number}.json")
    sys.exit(failed)


def _maskers() -> Iterator[str]:
    """Yield the names of the variants of the mask profile."""
    yield from (name for name, make in VARIANTS.items() if make().declare(name).profile == "mask")


def _save(program: Program, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(program))


def _result(name: str, count: int, seed: int) -> Result:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    make = ExemplarAdapter if name == EXEMPLAR else VARIANTS[name]
    found = _found(name, make())
    offer = offer_of(found.adapter, found.declaration)
    ended = [(program, judge(program, found, lambda message: None)) for program in _drawn(offer, count, seed)]
    refused = sum(outcome.kind == NOT_OFFERED for _, outcome in ended)
    alarms = dict[Signature, Alarm]()
    for program, outcome in ended:
        if outcome.is_find:
            alarms.setdefault(signature(program, outcome), Alarm(program, outcome))
    return Result(name, len(ended), refused, tuple(alarms.values()))


def _found(name: str, adapter: Adapter) -> Found:
    return Found(name, adapter, adapter.declare(name), Path(inspect.getfile(type(adapter))))


def _drawn(offer: Offer, count: int, seed: int) -> Iterator[Program]:
    """Yield the programs of a search, round by round."""
    for begin in range(0, count, ROUND):
        for one in draw(offer, seed, begin // ROUND)[: count - begin]:
            yield made(one, offer)


if __name__ == "__main__":
    main()
