"""From what a run saw: the expectations that would make it green. No torch here."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from msgspec.structs import replace

from ...report.expectation import UNEXPLAINED, Expectation
from ...values.cell import Cell
from ...values.declaration import Declaration, Environment
from ...values.record import Record, Verdict

Box = dict[str, tuple[str, ...]]
"""By axis: the values on it; none stands for all."""

_AXES = ("device", "dtype", "pattern", "layer")
_NOBODY = ("",)


@dataclass(frozen=True)
class Seen:
    """What a run saw of one sparsifier, expectations aside.

    failing: the signature of each cell that failed, known or not. sound: the cells that passed or were refused.
    What was unavailable or an error is in neither.
    """

    declaration: Declaration
    environment: Environment
    failing: Mapping[Cell, str]
    sound: tuple[Cell, ...]

    def explained(self, entry: Expectation) -> list[Cell]:
        """The failing cells whose failure `entry` expects."""
        return [cell for cell, seen in self.failing.items() if entry.covers(cell) and entry.explains(seen)]


@dataclass(frozen=True)
class Proposal:
    """An expectation file's entries as they are to be.

    revised: for each entry that it has, in order, what is to stand in its place: the entry itself, narrower ones,
        or nothing. added: what is to stand behind them.
    """

    revised: tuple[tuple[Expectation, ...], ...]
    added: tuple[Expectation, ...]

    @property
    def entries(self) -> tuple[Expectation, ...]:
        return tuple(entry for entries in self.revised for entry in entries) + self.added


def seen(
    declaration: Declaration, environment: Environment, planned: Sequence[str], records: Iterable[Record]
) -> Seen:
    """What `records` say, in the order of the plan."""
    by_cell = {record.cell: record for record in records}
    ordered = [(Cell.parse(id), by_cell[id]) for id in planned if id in by_cell]
    failing = (Verdict.FAILED, Verdict.KNOWN)
    sound = (Verdict.PASSED, Verdict.REFUSED, Verdict.STALE)
    return Seen(
        declaration, environment,
        {cell: record.signature for cell, record in ordered if record.verdict in failing},
        tuple(cell for cell, record in ordered if record.verdict in sound),
    )


def propose(entries: Sequence[Expectation], runs: Sequence[Seen]) -> Proposal:
    """What the file of `entries` is to hold, so that each run of a sparsifier in `runs` is green, errors aside.

    An entry that explains what failed stays as it is. Where cells that it covers did not fail, narrower ones with
    its reason and conditions take its place; where nothing that it explains is left, it goes. What no entry
    explains gets one for each requirement and kind of failure, or as few as do not cover a sound cell, whose
    reason is for a human to give.
    """
    by_name = {run.declaration.sparsifier: run for run in runs}
    revised = tuple(_row(entry, by_name) for entry in entries)
    left = [entry for row in revised for entry in row]
    fresh = [(name, form) for name, run in by_name.items() for form in _fresh(run, _about(left, name, run))]
    return Proposal(revised, _merged(fresh))


def _row(entry: Expectation, by_name: Mapping[str, Seen]) -> tuple[Expectation, ...]:
    """What is to stand in the entry's place: for each sparsifier it is about, as that one's run would have it."""
    form = replace(entry, sparsifiers=_NOBODY)
    return _merged(
        (name, revised)
        for name in entry.sparsifiers
        for revised in (_revised(form, by_name[name]) if name in by_name else (form,))
    )


def _merged(forms: Iterable[tuple[str, Expectation]]) -> tuple[Expectation, ...]:
    """One entry for all the sparsifiers of which the same is said."""
    names: dict[Expectation, list[str]] = {}
    for name, form in forms:
        names.setdefault(form, []).append(name)
    return tuple(replace(form, sparsifiers=tuple(about)) for form, about in names.items())


def _about(entries: Iterable[Expectation], name: str, run: Seen) -> list[Expectation]:
    """The entries in force for one sparsifier."""
    return [entry for entry in entries if name in entry.sparsifiers and entry.holds(run.declaration, run.environment)]


def _revised(entry: Expectation, run: Seen) -> Iterator[Expectation]:
    covered = [cell for cell in run.failing if entry.covers(cell)]
    explained, sound = run.explained(entry), [cell for cell in run.sound if entry.covers(cell)]
    says_nothing = not (covered or sound) or not entry.holds(run.declaration, run.environment)
    if says_nothing or (explained and not sound):
        yield entry
        return
    for requirement in dict.fromkeys(cell.requirement for cell in explained):
        for box in boxes(_of(requirement, explained), _of(requirement, sound)):
            yield replace(entry, requirement=requirement, **box)


def _fresh(run: Seen, entries: Sequence[Expectation]) -> Iterator[Expectation]:
    explained = {cell for entry in entries for cell in run.explained(entry)}
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell, signature in run.failing.items():
        if cell not in explained:
            groups.setdefault((cell.requirement, _kind(signature)), []).append(cell)
    for (requirement, kind), cells in groups.items():
        otherwise = [cell for cell, signature in run.failing.items() if _kind(signature) != kind]
        for box in boxes(cells, _of(requirement, [*run.sound, *otherwise])):
            inside = [run.failing[cell] for cell in cells if _is_in(cell, box)]
            plain = Expectation(
                sparsifiers=_NOBODY, requirement=requirement, signature=_signature(kind, inside),
                reason=f"{UNEXPLAINED}: say why",
            )
            yield replace(plain, **box)


def _of(requirement: str, cells: Iterable[Cell]) -> list[Cell]:
    return [cell for cell in cells if cell.requirement == requirement]


def boxes(cells: Iterable[Cell], avoid: Collection[Cell]) -> list[Box]:
    """A few boxes that hold all of `cells` and none of `avoid`, on as few axes as will do."""
    groups: list[list[Cell]] = []
    for cell in cells:
        fitting = (group for group in groups if not _hits(_hull([*group, cell]), avoid))
        group = next(fitting, None)
        if group is None:
            groups.append([cell])
        else:
            group.append(cell)
    return [_widened(_hull(group), avoid) for group in groups]


def _hull(cells: Sequence[Cell]) -> Box:
    return {axis: tuple(dict.fromkeys(getattr(cell, axis) for cell in cells)) for axis in _AXES}


def _hits(box: Box, cells: Iterable[Cell]) -> bool:
    return any(_is_in(cell, box) for cell in cells)


def _is_in(cell: Cell, box: Box) -> bool:
    return all(not values or getattr(cell, axis) in values for axis, values in box.items())


def _widened(box: Box, avoid: Collection[Cell]) -> Box:
    for axis in _AXES:
        wider = {**box, axis: ()}
        if not _hits(wider, avoid):
            box = wider
    return box


def _kind(signature: str) -> str:
    return signature.partition(": ")[0]


def _signature(kind: str, signatures: Sequence[str]) -> str:
    """The kind alone for a mismatch; for an exception also the words that all messages begin with, whatever the
    numbers in them."""
    letters = zip(*(signature.partition(": ")[2] for signature in signatures), strict=False)
    start = "".join(same[0] for same in takewhile(lambda these: len(set(these)) == 1, letters)).strip()
    if not kind[:1].isupper() or not start:
        return kind
    plain = re.sub(r"[\\.^$*+?{}\[\]|()]", r"\\\g<0>", start)
    return f"{kind}: " + re.sub(r"\b\d+\b", r"\\d+", plain)
