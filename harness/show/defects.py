"""Group failures by what breaks: known defects, and causes of unexpected failures; the worst first. No torch here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from ..catalogue import CATALOGUE
from ..report.outcome import defect_key
from ..report.signature import cause
from ..values.cell import Cell
from ..values.record import LevelOutcome, Outcome, Record, Verdict

_CORE = frozenset(one.id for one in CATALOGUE if one.level == "core")
_WORDS = {"green": "CONFORMANT", "red": "NOT CONFORMANT", "selection": "SELECTION", "unavailable": "UNAVAILABLE"}


@dataclass(frozen=True)
class Failures:
    """Cells of one sparsifier that fail for one reason: those of a known defect, or unexpected ones of one cause."""

    records: tuple[Record, ...]

    @property
    def first(self) -> Record:
        """The record that stands for all of them."""
        return self.records[0]

    @property
    def title(self) -> str:
        """The id of the defect; of an older report, which has none, the kind of failure."""
        return self.first.defect or self.first.signature.partition(": ")[0] or "unnamed"

    @cached_property
    def requirements(self) -> dict[str, int]:
        """Its requirements, core ones first, and how many cells of each fail."""
        counts: dict[str, int] = {}
        for record in self.records:
            id = Cell.parse(record.cell).requirement
            counts[id] = counts.get(id, 0) + 1
        return dict(sorted(counts.items(), key=lambda item: (item[0] not in _CORE, item[0])))

    @property
    def breaks(self) -> str:
        """The requirements and how many cells, in words."""
        core = [id for id in self.requirements if id in _CORE]
        extended = [id for id in self.requirements if id not in _CORE]
        parts = [f"{level} {', '.join(ids)}" for level, ids in (("core", core), ("extended", extended)) if ids]
        return f"{counted(len(self.records), 'cell')} of {'; '.join(parts)}"

    @cached_property
    def badness(self) -> tuple[int, int, str]:
        """A key that sorts the worst first: by cells of core requirements, then by all cells."""
        core = sum(count for id, count in self.requirements.items() if id in _CORE)
        return -core, -len(self.records), self.title

    @property
    def causes(self) -> list[Failures]:
        """The same failures by cause, so that a second one is not hidden behind the first."""
        return by_cause(self.records)


def known_defects(records: Iterable[Record]) -> list[Failures]:
    """Return the known defects among the records of one sparsifier, the worst first."""
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
    """Return the overall result of one sparsifier in words; with how many known defects, if its records are given."""
    defects = known_defects(records)
    word = _WORDS.get(outcome.result, outcome.result.upper())
    return f"{word} with {counted(len(defects), 'known defect')}" if defects and outcome.result == "green" else word


def result_word(outcome: Outcome, problem: str = "") -> str:
    """Return the overall result as pages show it. problem: Why the sparsifier could not be judged, if it could not."""
    if problem:
        return "not judged"
    has_defects = any(level is not None and level.defects for level in (outcome.core, outcome.extended))
    return "conformant with known defects" if has_defects and outcome.result == "green" else result(outcome).lower()


def level_lines(outcome: Outcome) -> Iterator[str]:
    """Yield a line per level: how the sparsifier stands there and which share of the catalogue was judged."""
    for name, level in (("core", outcome.core), ("extended", outcome.extended)):
        if level is not None and level.applicable:
            yield f"{name}: {conformance(level)}; {share(level)}"


def in_short(outcome: Outcome) -> str:
    """Return how the sparsifier stands at both levels, on one line."""
    levels = (("core", outcome.core), ("extended", outcome.extended))
    parts = [f"{name} {conformance(one)} ({one.judged} of {one.applicable})" for name, one in levels if one is not None]
    return ", ".join(parts)


def conformance(level: LevelOutcome) -> str:
    """Return how a sparsifier stands at one level, with the number of known defects."""
    if level.conformance == "conformant with known defects":
        return f"conformant with {counted(level.defects, 'known defect')}"
    with_known = f", with {counted(level.defects, 'known defect')} besides" if level.defects else ""
    return f"{level.conformance}{with_known}"


def share(level: LevelOutcome) -> str:
    """Return which share of the requirements of a level was judged."""
    return f"{level.judged} of {counted(level.applicable, 'requirement')} judged"


def counted(count: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def of_requirement(records: Sequence[Record]) -> Iterator[tuple[str, list[Record]]]:
    """Yield the records by requirement, in the order of their ids."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(Cell.parse(record.cell).requirement, []).append(record)
    yield from sorted(groups.items())
