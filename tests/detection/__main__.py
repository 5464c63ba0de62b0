"""Runs the gate, again and again: `python -m tests.detection FILE --condition quiet --slowdown 0 --runs 50`.

Each run is a gate run as a maintainer's: processes of its own, and further looks at what is in doubt. A line of JSON is
appended to FILE for each, so that what is cut short loses nothing.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
import msgspec

from sparsecheck.timing.gated import Gate, look_closer
from sparsecheck.timing.measure import GATED, Rival, Settings
from sparsecheck.timing.time_apart import Bench, time_apart
from sparsecheck.values.timing import QUICK, Scope

from .adapters import frozen, planted
from .runs import CONDITIONS, Found, Run

OPERATIONS = ("attach", "update", "forward", "finalize")
ALLOWANCE = 0.03


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--condition", required=True, type=click.Choice(CONDITIONS),
              help="What else the machine does; to see to that is the caller's.")
@click.option("--slowdown", type=float, default=0.0, help="Planted, as a fraction.")
@click.option("--runs", default=1)
def main(file: Path, condition: str, slowdown: float, runs: int) -> None:
    """Append RUNS gate runs to FILE."""
    with tempfile.TemporaryDirectory() as folder:
        rival, current = frozen(Path(folder)), planted(Path(folder), slowdown)
        settings = Settings(Scope(OPERATIONS, QUICK), GATED, precision=0.015, budget=3.0, rival=Rival(file=str(rival)))
        for _ in range(runs):
            run = _run(Bench((current.stem,), (current,), settings=settings), condition, slowdown)
            with file.open("ab") as out:
                out.write(msgspec.json.encode(run) + b"\n")


def _run(bench: Bench, condition: str, slowdown: float) -> Run:
    timed = time_apart(bench, lambda line: None)
    changes = look_closer(bench, Gate(ALLOWANCE), timed, lambda line: None)
    seconds = {timing.entry: timing.median for timing in timed.timings}
    found = tuple(
        Found(change.entry.key, change.standing.name, seconds[change.entry], change.ratio) for change in changes
    )
    return Run(condition, slowdown, found)


if __name__ == "__main__":
    main()
