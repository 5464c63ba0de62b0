"""Run the timing gate repeatedly: `python -m tools.detection FILE --condition quiet --slowdown 0 --runs 50`.

Each run is a complete gate run: in processes of its own, with further measurements of doubtful entries. It appends
a line of JSON to FILE, so that an interruption loses nothing.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import click
import msgspec
from msgspec import structs

from sparsecheck.features.bench.compare import ALLOWANCE, SAVED_ALLOWANCE
from sparsecheck.features.bench.gate import Gate, check_run
from sparsecheck.features.bench.measure import GATED, Rival, Settings
from sparsecheck.features.bench.saved_timings import of_document
from sparsecheck.features.bench.time_in_subprocesses import Bench, time_in_subprocesses
from sparsecheck.values.timing import QUICK, Scope

from .adapters import frozen, frozen_in_calls, planted
from .runs import CONDITIONS, Found, Run

OPERATIONS = ("attach", "update", "forward", "finalize")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--condition", required=True, type=click.Choice(CONDITIONS),
              help="The load of the machine, for which the caller is responsible.")
@click.option("--slowdown", type=float, default=0.0, help="The planted slowdown, as a fraction.")
@click.option("--saved", is_flag=True,
              help="Compare with timings that the frozen copy saved, instead of alternating with it.")
@click.option("--runs", default=1, show_default=True, help="Number of runs.")
def main(file: Path, condition: str, slowdown: float, saved: bool, runs: int) -> None:
    """Append RUNS gate runs to FILE."""
    with tempfile.TemporaryDirectory() as folder:
        copy = frozen_in_calls if saved and slowdown else frozen
        rival, current = copy(Path(folder)), planted(Path(folder), slowdown)
        settings = Settings(Scope(OPERATIONS, QUICK), precision=0.015, budget=3.0)
        bench = Bench((current.stem,), (current,), settings=settings)
        for _ in range(runs):
            found = _against_saved(bench, rival) if saved else _against_rival(bench, rival)
            with file.open("ab") as out:
                out.write(msgspec.json.encode(Run(condition, slowdown, found, is_saved=saved)) + b"\n")


def _against_rival(bench: Bench, rival: Path) -> tuple[Found, ...]:
    settings = structs.replace(bench.settings, comparisons=GATED, rival=Rival(file=str(rival)))
    return _found(replace(bench, settings=settings), Gate(ALLOWANCE))


def _against_saved(bench: Bench, rival: Path) -> tuple[Found, ...]:
    """Gate as `bench --json` followed by `bench --against` does."""
    saved = replace(bench, adapters=(rival,), settings=Settings(bench.settings.scope))
    document = time_in_subprocesses(saved, lambda line: None).document
    return _found(bench, Gate(SAVED_ALLOWANCE, of_document(document or {})))


def _found(bench: Bench, gate: Gate) -> tuple[Found, ...]:
    timed = time_in_subprocesses(bench, lambda line: None)
    changes = check_run(bench, gate, timed, lambda line: None)
    seconds = {timing.entry: timing.median for timing in timed.timings}
    return tuple(
        Found(change.entry.key, change.standing.name, seconds[change.entry], change.ratio) for change in changes
    )


if __name__ == "__main__":
    main()
