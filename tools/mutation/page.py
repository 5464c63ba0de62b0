"""The page that says what the tests killed, what survived and why."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import msgspec

FLOOR = 0.85
"""The share of mutants that must be killed in each module of `JUDGING`, and in all modules together."""

JUDGING = ("oracle/", "report/")
"""The rooms whose modules decide a verdict."""

_HEAD = """\
# Mutation testing

`tox -e mutation` puts small faults, one at a time, into the part of the code that decides verdicts and needs
no torch, and runs the tests of that code: each fault should turn one of them red. It is red itself where a
survivor is not explained in [survivors.toml](../tools/mutation/survivors.toml), an explanation has no survivor,
or fewer than {floor:.0%} are killed in a module under `oracle/` or `report/`, or in all together. It printed this page
on {today}.

The faults ([operators.py](../tools/mutation/operators.py)): comparisons, arithmetic, `and`/`or`, `not` and constants
changed, conditions and filters forced, parts of them dropped, returned values replaced by None, statements deleted,
ends of slices dropped, one function called for its opposite. Left alone: imports, assertions, annotations, docstrings.
A mutant that does not import, or uses a minute of processor time, counts as killed. A mutant is tried against those
tests alone that enter the function it is in, and never against one that judges a whole sparsifier or starts another
process.
"""


class Explanation(msgspec.Struct, forbid_unknown_fields=True):
    """Why some mutants survive; an entry `[[explanation]]` of survivors.toml."""

    reason: str
    mutants: tuple[str, ...]


class Explanations:
    """Why mutants survive, by the name of the mutant."""

    def __init__(self, file: Path) -> None:
        document = msgspec.toml.decode(file.read_bytes(), type=dict[str, list[Explanation]])
        entries = document.get("explanation", [])
        self.reasons = {name: entry.reason for entry in entries for name in entry.mutants}

    def of(self, modules: Collection[str]) -> set[str]:
        """Return the explained mutants of `modules`."""
        return {name for name in self.reasons if name.partition(" ")[0] in modules}


def page(survived: Mapping[str, bool], explanations: Explanations) -> Iterator[str]:
    """Yield the lines of the page; `survived` says of each mutant, by name, whether it survived."""
    yield _HEAD.format(floor=FLOOR, today=date.today().isoformat())
    yield from _table(survived)
    yield "\n## Survivors"
    by_reason: dict[str, list[str]] = {}
    for name in (name for name, alive in survived.items() if alive):
        by_reason.setdefault(explanations.reasons.get(name, "Not explained."), []).append(name)
    for reason, names in by_reason.items():
        yield f"\n{reason}\n"
        yield from (f"- `{name}`" for name in names)


def scores(survived: Mapping[str, bool]) -> dict[str, tuple[int, int]]:
    """Return the number of mutants and of survivors per module."""
    by_module: dict[str, list[bool]] = {}
    for name, alive in survived.items():
        by_module.setdefault(name.partition(" ")[0], []).append(alive)
    return {module: (len(alive), sum(alive)) for module, alive in by_module.items()}


def _table(survived: Mapping[str, bool]) -> Iterator[str]:
    yield "| module | mutants | killed | survived | score |"
    yield "|---|---|---|---|---|"
    of_all: Sequence[tuple[str, tuple[int, int]]] = [*scores(survived).items()]
    total = (len(survived), sum(survived.values()))
    for module, (count, alive) in (*of_all, ("all", total)):
        yield f"| {module} | {count} | {count - alive} | {alive} | {(count - alive) / count:.1%} |"


def complaints(survived: Mapping[str, bool], explanations: Explanations) -> Iterator[str]:
    """Yield the problems: unexplained survivors, idle explanations, too many survivors."""
    modules = scores(survived)
    alive = {name for name, one in survived.items() if one}
    explained = explanations.of(modules)
    yield from (f"not explained: {name}" for name in survived if name in alive - explained)
    yield from (f"explained, but no survivor: {name}" for name in sorted(explained - alive))
    for module, (count, left) in {**modules, "all": (len(survived), len(alive))}.items():
        if count - left < FLOOR * count and module.startswith((*JUDGING, "all")):
            yield f"below {FLOOR:.0%}: {module}"
