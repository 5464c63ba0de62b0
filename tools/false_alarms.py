"""Run drawn programs on correct sparsifiers, none of which may fail one.

    python -m tools.false_alarms                              500 programs on every correct variant
    python -m tools.false_alarms --of exemplar --programs 2000
    python -m tools.false_alarms --of exemplar-structural --programs 200
    python -m tools.false_alarms --only 'structural-*' --programs 200
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
import torch

from sparsecheck import Adapter
from sparsecheck.adapter.discovery import Found
from sparsecheck.adapter.shipped.exemplar import ExemplarAdapter
from sparsecheck.adapter.shipped.structural_exemplar import StructuralExemplarAdapter
from sparsecheck.features.explore.child import judge
from sparsecheck.features.explore.domain import DOMAINS, AnyOffer
from sparsecheck.features.explore.find import Signature, signature
from sparsecheck.features.explore.messages import NOT_OFFERED, Outcome
from sparsecheck.features.explore.search import ROUND, draw
from sparsecheck.programs.taking import NotOffered
from sparsecheck.values.program_json import AnyProgram, to_json
from sparsecheck.values.violation import Violation
from tests.variants.all import VARIANTS

EXEMPLARS: dict[str, type[Adapter]] = {"exemplar": ExemplarAdapter, "exemplar-structural": StructuralExemplarAdapter}


@dataclass(frozen=True)
class Alarm:
    """A program that a correct sparsifier fails."""

    program: AnyProgram
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
@click.option("--of", "which", type=click.Choice([*EXEMPLARS, "variants"]), default="variants", show_default=True)
@click.option("--only", default="*", metavar="GLOB", help="Only the variants whose names match.")
@click.option("--programs", "count", default=500, show_default=True, help="Number of programs for each.")
@click.option("--seed", default=0, show_default=True, help="Seed of the search.")
@click.option("-j", "jobs", default=2, show_default=True, help="Number of processes.")
@click.option("--save", type=click.Path(path_type=Path), help="Write each program that fails to this folder.")
def main(which: str, only: str, count: int, seed: int, jobs: int, save: Path | None) -> None:
    """Run programs on correct sparsifiers, and exit with 1 if one fails."""
    names = [which] if which in EXEMPLARS else [name for name in VARIANTS if fnmatch(name, only)]
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


def _save(program: AnyProgram, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(to_json(program))


def _result(name: str, count: int, seed: int) -> Result:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    make = EXEMPLARS.get(name) or VARIANTS[name]
    found, alarms = _found(name, make()), dict[Signature, Alarm]()
    offer = _probed(found, alarms)
    ended = [(program, judge(program, found, lambda message: None)) for program in _drawn(offer, count, seed)]
    refused = sum(outcome.kind == NOT_OFFERED for _, outcome in ended)
    for program, outcome in ended:
        if outcome.is_find:
            alarms.setdefault(signature(program, outcome), Alarm(program, outcome))
    return Result(name, len(ended), refused, tuple(alarms.values()))


def _found(name: str, adapter: Adapter) -> Found:
    return Found(name, adapter, adapter.declare(name), Path(inspect.getfile(type(adapter))))


def _probed(found: Found, alarms: dict[Signature, Alarm]) -> AnyOffer:
    """Return what a sparsifier takes; what is neither refused nor carried out is an alarm."""

    def run(program: AnyProgram) -> None:
        outcome = judge(program, found, lambda message: None)
        if outcome.kind == NOT_OFFERED:
            raise NotOffered(outcome.message)
        if outcome.is_find:
            alarms.setdefault(signature(program, outcome), Alarm(program, outcome))
            raise Violation(outcome.kind, outcome.message)

    return DOMAINS[found.declaration.profile].probed(found.declaration, run)


def _drawn(offer: AnyOffer, count: int, seed: int) -> Iterator[AnyProgram]:
    """Yield the programs of a search, round by round."""
    fill = DOMAINS[offer.declaration.profile].fill
    for begin in range(0, count if offer.patterns else 0, ROUND):
        for one in draw(offer, seed, begin // ROUND, min(count - begin, ROUND)):
            yield fill(one, offer)


if __name__ == "__main__":
    main()
