"""The page of what the gate finds, from a file of runs: `python -m tools.detection.page FILE` prints it."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sparsecheck.features.bench.compare import Standing

from .runs import CONDITIONS, Found, Run, long_enough, read

_HEAD = """\
# What the timing gate finds

Gate runs of `sparsecheck bench --against-adapter` on WeightNormSparsifier and a frozen copy of it: attach, update,
forward and finalize at 256x256 and 1024x1024, each run in processes of its own, with further looks at what is in doubt;
3 % allowed of what takes 0.1 ms or more, 15 % of the rest. *Against a file*: `--against FILE`, where the file is what
the copy had just saved, and 25 % is allowed, over the exemplar and over the floor, since identical code differs by more
between two processes than in turns in one. A slowdown is planted by spinning after each call for that part of the
call's time. *Quiet*: nothing else runs. *Loaded*: another run takes up the other core, and at times a third process a
part of both. *Crowded*: six to nine processes share the two cores.

*Formerly*: by gates that looked again at what alarmed alone, and not at what leans that way; the first 309 clean runs,
and the crowded ones, also took fewer rounds where the machine was loaded. Against a file: by a gate that held the ratio
to the exemplar alone, and not that to the floor too, or to which an entry was too noisy where either was known ill.
Whatever is red now was red by them, so that their clean runs count.

`python -m tools.detection FILE --condition CONDITION --slowdown FRACTION --runs N` appends a line for each run to FILE,
with `--saved` against a file; `python -m tools.detection.page FILE` prints this page. The runs counted here were
made on two cores without a GPU. They are in the history of this repository, as docs/detection/runs.jsonl: `git log
--diff-filter=D --oneline -- docs/detection/runs.jsonl` names the commit that removed them.
"""


_HOW = ("", ", formerly", ", against a file", ", against a file, formerly")
_WHERE = [f"{condition}{how}" for how in _HOW for condition in CONDITIONS]
_CLEAN = ("condition", "gate runs", "red", "at most, with 95 %", "alarmed once, not confirmed", "too noisy to tell")
_PLANTED = ("condition", "planted", "operations", "found", "gate runs", "red")
_IDENTICAL = ("operation", "runs", "median", "lowest", "highest")


def page(runs: Sequence[Run]) -> Iterator[str]:
    """Markdown, line by line."""
    yield from _HEAD.splitlines()
    clean, slower = [run for run in runs if not run.slowdown], [run for run in runs if run.slowdown]
    yield from _section("False alarms", "Counted per gate run of eight operations: nothing is planted.", _CLEAN)
    yield from map(_clean, _conditions(clean))
    yield from _section("Slowdowns found", "Of operations of 0.1 ms or more, one by one, and of gate runs.", _PLANTED)
    yield from map(_planted, _slowdowns(slower))
    yield from _section("What identical code differs by", "Of the copy to the copy, nothing planted.", _IDENTICAL)
    yield from _identical(run for run in clean if not run.is_saved)
    says = "The same, each against what another process saved, formerly: nearly all by the ratio to the exemplar alone."
    yield from _section("What identical code differs by in two processes", says, _IDENTICAL)
    yield from _identical(run for run in clean if run.is_saved and run.is_former)


def _section(title: str, says: str, columns: Sequence[str]) -> Iterator[str]:
    yield from ("", f"## {title}", "", says, "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|")


def _conditions(runs: Sequence[Run]) -> Iterator[tuple[str, list[Run]]]:
    for where in _WHERE:
        if alike := [run for run in runs if run.where == where]:
            yield where, alike
    yield "all in turns, but formerly", [run for run in runs if not run.is_saved and not run.is_former]
    yield "all against a file", [run for run in runs if run.is_saved]


def _clean(row: tuple[str, list[Run]]) -> str:
    where, runs = row
    red = sum(run.is_red for run in runs)
    standings = Counter(one.standing for run in runs for one in run.found)
    bound, unsure = f"{_at_most(red, len(runs)):.1%}", (Standing.SUSPECT, Standing.TOO_NOISY)
    parts = (where, len(runs), red, bound, *(standings[one.name] for one in unsure))
    return f"| {' | '.join(map(str, parts))} |"


def _at_most(red: int, runs: int) -> float:
    """Return the Clopper-Pearson upper bound (95 %) of a rate, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(50):
        rate = (low + high) / 2
        seen = sum(math.comb(runs, count) * rate**count * (1 - rate) ** (runs - count) for count in range(red + 1))
        low, high = (rate, high) if seen > 0.05 else (low, rate)
    return high


def _slowdowns(runs: Iterable[Run]) -> Iterator[tuple[str, float, list[Run]]]:
    runs = list(runs)
    for where in _WHERE:
        for slowdown in sorted({run.slowdown for run in runs}):
            if alike := [run for run in runs if (run.where, run.slowdown) == (where, slowdown)]:
                yield where, slowdown, alike


def _planted(row: tuple[str, float, list[Run]]) -> str:
    where, slowdown, runs = row
    found = long_enough(runs)
    seen = sum(Standing[one.standing].is_red for one in found)
    red = sum(run.is_red for run in runs)
    return f"| {where} | {slowdown:.0%} | {len(found)} | {seen} ({seen / len(found):.1%}) | {len(runs)} | {red} |"


def _identical(runs: Iterable[Run]) -> Iterator[str]:
    by_key: dict[str, list[Found]] = {}
    for one in (one for run in runs for one in run.found if one.ratio is not None):
        by_key.setdefault(one.key, []).append(one)
    for key, found in by_key.items():
        medians = sorted(one.ratio.median for one in found if one.ratio is not None)
        middle = medians[len(medians) // 2]
        yield f"| {key} | {len(medians)} | {middle:.3f} | {medians[0]:.3f} | {medians[-1]:.3f} |"


if __name__ == "__main__":
    print("\n".join(page(read(Path(sys.argv[1])))))
