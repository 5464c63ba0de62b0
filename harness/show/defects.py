"""Group failures by defect or cause, worst first, and describe results and failures in words."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..catalogue import CATALOGUE, find_requirement
from ..report.outcome import defect_key
from ..report.signature import cause
from ..values.cell import Cell
from ..values.record import LevelOutcome, Outcome, Record, Verdict

_CORE = frozenset(one.id for one in CATALOGUE if one.level == "core")
_WORDS = {"green": "CONFORMANT", "red": "NOT CONFORMANT", "selection": "SELECTION", "unavailable": "UNAVAILABLE"}


@dataclass(frozen=True)
class Failures:
    """Failing cells of one sparsifier that belong to one known defect, or have one cause."""

    records: tuple[Record, ...]

    @property
    def first(self) -> Record:
        """Return the first record, which represents all of them."""
        return self.records[0]

    @property
    def title(self) -> str:
        """Return the id of the defect; the kind of failure in an older report, which has no ids."""
        return self.first.defect or self.first.signature.partition(": ")[0] or "unnamed"

    @cached_property
    def requirements(self) -> dict[str, int]:
        """Return the number of failing cells by requirement, core requirements first."""
        counts: dict[str, int] = {}
        for record in self.records:
            id = Cell.parse(record.cell).requirement
            counts[id] = counts.get(id, 0) + 1
        return dict(sorted(counts.items(), key=lambda item: (item[0] not in _CORE, item[0])))

    @property
    def breaks(self) -> str:
        """Return the number of cells and the requirements that they belong to, in words."""
        core = [id for id in self.requirements if id in _CORE]
        extended = [id for id in self.requirements if id not in _CORE]
        parts = [f"{level} {', '.join(ids)}" for level, ids in (("core", core), ("extended", extended)) if ids]
        return f"{counted(len(self.records), 'cell')} of {'; '.join(parts)}"

    @cached_property
    def badness(self) -> tuple[int, int, str]:
        """Return a sort key that puts the worst first: by cells of core requirements, then by all cells."""
        core = sum(count for id, count in self.requirements.items() if id in _CORE)
        return -core, -len(self.records), self.title

    @property
    def causes(self) -> list[Failures]:
        """Return the failures by cause, so that no cause is hidden behind another."""
        return by_cause(self.records)


def known_defects(records: Iterable[Record]) -> list[Failures]:
    """Return the known defects in the records of one sparsifier, worst first."""
    known = [record for record in records if record.verdict is Verdict.KNOWN]
    return sorted(_grouped((defect_key(record), record) for record in known), key=lambda one: one.badness)


def by_cause(records: Iterable[Record]) -> list[Failures]:
    """Return failures by cause, in the order of their first cells."""
    return list(_grouped((cause(record.signature or record.message), record) for record in records))


def _grouped(pairs: Iterable[tuple[object, Record]]) -> Iterator[Failures]:
    groups: dict[object, list[Record]] = {}
    for key, record in pairs:
        groups.setdefault(key, []).append(record)
    return (Failures(tuple(group)) for group in groups.values())


def result(outcome: Outcome, records: Sequence[Record] = ()) -> str:
    """Return the overall result in words; include the number of known defects if the records are given."""
    defects = known_defects(records)
    word = _WORDS.get(outcome.result, outcome.result.upper())
    return f"{word} with {counted(len(defects), 'known defect')}" if defects and outcome.result == "green" else word


def result_word(outcome: Outcome, problem: str = "") -> str:
    """Return the overall result in words, for pages.

    Args:
        outcome: The outcome of the sparsifier.
        problem: The reason why it could not be judged; empty if it could.
    """
    if problem:
        return "not judged"
    has_defects = any(level is not None and level.defects for level in (outcome.core, outcome.extended))
    return "conformant with known defects" if has_defects and outcome.result == "green" else result(outcome).lower()


def level_lines(outcome: Outcome) -> Iterator[str]:
    """Yield a line per level: the result, and the share of the requirements that was judged."""
    for name, level in (("core", outcome.core), ("extended", outcome.extended)):
        if level is not None and level.applicable:
            yield f"{name}: {conformance(level)}; {share(level)}"


def in_short(outcome: Outcome) -> str:
    """Return the results at both levels on one line."""
    levels = (("core", outcome.core), ("extended", outcome.extended))
    parts = [f"{name} {conformance(one)} ({one.judged} of {one.applicable})" for name, one in levels if one is not None]
    return ", ".join(parts)


def conformance(level: LevelOutcome) -> str:
    """Return the result at one level in words, with the number of known defects."""
    if level.conformance == "conformant with known defects":
        return f"conformant with {counted(level.defects, 'known defect')}"
    with_known = f", with {counted(level.defects, 'known defect')}" if level.defects else ""
    return f"{level.conformance}{with_known}"


def share(level: LevelOutcome) -> str:
    """Return the share of the requirements of a level that was judged, in words."""
    return f"{level.judged} of {counted(level.applicable, 'requirement')} judged"


def verdict_counts(counts: Mapping[str, int]) -> str:
    """Return the number of cells by verdict, in words."""
    nouns = ("known failure", "provisional failure", "stale expectation", "error")
    return ", ".join(counted(count, one) if one in nouns else f"{count} {one}" for one, count in counts.items())


def repeat_command(adapter: str, cell: str) -> str:
    """Return the command that judges one cell again.

    Args:
        adapter: The adapter file that was given to the run, or an empty string.
        cell: The id of the cell.
    """
    option = f"--adapter {shlex.quote(adapter)} " if adapter else ""
    return f"sparsecheck run {option}--cell {shlex.quote(cell)}"


def counted(count: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def sentence(id: str) -> str:
    """Return the sentence of a requirement, or an empty string if this catalogue does not have it."""
    requirement = find_requirement(id)
    return requirement.sentence if requirement is not None else ""


def of_requirement(records: Sequence[Record]) -> Iterator[tuple[str, list[Record]]]:
    """Yield the records by requirement, in the order of their ids."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(Cell.parse(record.cell).requirement, []).append(record)
    yield from sorted(groups.items())
