"""Find the cells whose verdict changed from one torch version to the next, and group equal changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import groupby, pairwise

from packaging.version import Version

from ...catalogue import CATALOGUE, requirement
from ...show.defects import counted
from ...show.escaping import printable
from ...show.results import ShownCell, show_cell, shown
from ...show.standing import Standing, standing
from ...values.cell import Cell
from ...values.declaration import Environment
from ...values.record import Header, Outcome, Record, Subject
from ...values.requirement import Requirement


@dataclass(frozen=True, order=True)
class Release:
    """A torch version, without its local build label (`+cpu`)."""

    version: Version

    @property
    def name(self) -> str:
        return str(self.version)

    @property
    def is_gating(self) -> bool:
        """Return whether this is a final release, not a nightly build or a release candidate."""
        return not self.version.is_prerelease

    @property
    def title(self) -> str:
        return self.name if self.is_gating else f"{self.name} (nightly, not gating)"


@dataclass(frozen=True)
class Judged:
    """One sparsifier on one torch version: its part of a report.

    Attributes:
        records: Its records by cell id.
        requirements: The revisions of the requirements that it was judged by.
    """

    name: str
    release: Release
    subject: Subject
    environment: Environment
    outcome: Outcome
    records: Mapping[str, Record]
    header: Header
    requirements: Mapping[str, int]

    @property
    def package(self) -> str:
        """Return the distribution and its version, or an empty string if the distribution is torch itself."""
        declared = self.subject.declaration
        if declared is None or declared.distribution == "torch":
            return ""
        return shown(declared.package)


class Kind(str, Enum):
    """The meaning of a change for a user who upgrades to the newer torch."""

    BROKE = "broke"
    FIXED = "fixed"
    AVAILABILITY = "available on one of the two only"
    OTHER = "changed otherwise"

    @property
    def meaning(self) -> str:
        """Return the sentence printed above the changes of this kind."""
        return _MEANINGS[self]


_MEANINGS = {
    Kind.BROKE: "Passed or was refused on the torch before, and fails since.",
    Kind.FIXED: "Failed on the torch before, and passes since.",
    Kind.AVAILABILITY: "Cannot be judged on one of the two torch versions, which lacks a feature that the cell needs; "
    "neither broken nor fixed.",
    Kind.OTHER: "Neither broken nor fixed: refused where it passed, failing differently than expected, or planned on "
    "only one of the two.",
}
_FAILING = (Standing.FAILED, Standing.KNOWN, Standing.ERROR, Standing.NOT_RUN)
_HOLDING = (Standing.PASSED, Standing.STALE)
_REFUSED = (Standing.BY_PACKAGE, Standing.BY_ADAPTER)


@dataclass(frozen=True)
class Change:
    """Cells of one requirement or one known defect that changed in the same way between two consecutive torch versions.

    Attributes:
        requirements: All requirements of the cells, in the catalogue's order.
        before: The last torch on which the cells stood at `was`.
        since: The first torch on which they stand at `now`.
        reasons: The reasons of the expectations, or of the cells being unavailable.
        link: The link of the expectations, or an empty string.
        package: The sparsifier's package at both versions if it changed too, else an empty string.
        cells: The ids of all these cells.
        message: The message of the first cell that has one.
        arguments: The arguments of `sparsecheck run` that judge the first cell again.
        defect: The id of the known defect that came or went, or an empty string.
    """

    kind: Kind
    sparsifiers: tuple[str, ...]
    requirements: tuple[Requirement, ...]
    before: Release
    since: Release
    was: Standing
    now: Standing
    reasons: tuple[str, ...]
    link: str
    package: str
    cells: tuple[str, ...]
    message: str
    arguments: str
    defect: str = ""

    @property
    def ids(self) -> str:
        """Return the ids of its requirements."""
        return ", ".join(one.id for one in self.requirements)

    @property
    def sentence(self) -> str:
        """Return the sentence of the requirement; an empty string if there are several."""
        return self.requirements[0].sentence if len(self.requirements) == 1 else ""

    @property
    def count(self) -> str:
        """Return the number of cells, in words."""
        return counted(len(self.cells), "cell")

    @property
    def axes(self) -> str:
        """Return the values of its cells on each axis."""
        cells = [Cell.parse(one) for one in self.cells]
        axes = ([getattr(one, axis) for one in cells] for axis in ("layer", "pattern", "dtype", "device"))
        return " / ".join(printable(", ".join(dict.fromkeys(values))) for values in axes)


def changes(judged: Sequence[Judged]) -> tuple[Change, ...]:
    """Return all changes by kind, the worst and oldest first.

    Args:
        judged: Sorted by sparsifier, then by release. Sparsifiers that could not be judged are skipped.
    """
    without_problem = [one for one in judged if not one.subject.problem]
    single = [
        change
        for _, of_one in groupby(without_problem, key=lambda one: one.name)
        for older, newer in pairwise(of_one)
        for change in _between(older, newer)
    ]
    found: dict[tuple[object, ...], list[Change]] = {}
    for change in single:
        found.setdefault(_group(change), []).append(change)
    return tuple(sorted(map(_merged, found.values()), key=_worst_first))


def _between(older: Judged, newer: Judged) -> Iterator[Change]:
    package = f"{older.package} to {newer.package}" if older.package != newer.package else ""
    for cell in dict.fromkeys((*older.records, *newer.records)):
        was, now = _state(older, cell), _state(newer, cell)
        if was.standing is now.standing or Standing.NOT_THERE in (was.standing, now.standing):
            continue
        kind = _kind(was, now)
        explaining = _explaining(kind, was, now)
        yield Change(
            kind, (newer.name,), (requirement(Cell.parse(cell).requirement),), older.release, newer.release,
            was.standing, now.standing, tuple(one.reason for one in explaining if one.reason),
            next((one.link for one in explaining if one.link), ""), package, (cell,),
            next((one.message for one in explaining if one.message), ""), now.arguments or was.arguments,
            next((one.defect for one in (now, was) if one.standing is Standing.KNOWN), ""),
        )


def _state(judged: Judged, cell: str) -> ShownCell:
    """Return the state of a cell; for a cell that was not planned, the reason."""
    if record := judged.records.get(cell):
        return show_cell(record, judged.subject)
    position = standing(requirement(Cell.parse(cell).requirement), judged.subject, (), judged.requirements)
    return ShownCell(shown(cell), position, "", "", "", "")


def _kind(was: ShownCell, now: ShownCell) -> Kind:
    if any(one.standing is Standing.UNAVAILABLE and one.reason.startswith("needs torch") for one in (was, now)):
        return Kind.AVAILABILITY
    if now.standing in _FAILING and was.standing in (*_HOLDING, *_REFUSED):
        return Kind.BROKE
    return Kind.FIXED if was.standing in _FAILING and now.standing in _HOLDING else Kind.OTHER


def _explaining(kind: Kind, was: ShownCell, now: ShownCell) -> tuple[ShownCell, ...]:
    """Return those of the two states whose reasons and messages explain the change."""
    if kind is Kind.FIXED:
        return (now, was) if now.standing is Standing.STALE else (was,)
    if kind is Kind.AVAILABILITY:
        return (was, now)
    return (now,) if kind is Kind.BROKE or now.reason or now.message else (was,)


def _group(change: Change) -> tuple[object, ...]:
    """Return the key that equal changes share.

    A known defect is one change, whatever requirements it breaks; availability depends on torch alone, not on the
    sparsifier.
    """
    is_known = Standing.KNOWN in (change.was, change.now) and bool(change.reasons)
    sparsifiers = () if change.kind is Kind.AVAILABILITY or is_known else change.sparsifiers
    ids = "" if is_known else change.ids
    turn = (change.before, change.since, change.was, change.now)
    return (change.kind, sparsifiers, ids, turn, change.defect, change.reasons, change.link, change.package)


def _merged(changes: Sequence[Change]) -> Change:
    first = changes[0]
    names = tuple(dict.fromkeys(name for one in changes for name in one.sparsifiers))
    cells = tuple(cell for one in changes for cell in one.cells)
    broken = {one.id: one for change in changes for one in change.requirements}
    return replace(
        first, sparsifiers=names, cells=cells, requirements=tuple(one for one in CATALOGUE if one.id in broken)
    )


def _worst_first(change: Change) -> tuple[object, ...]:
    red = change.now in (Standing.FAILED, Standing.ERROR, Standing.STALE, Standing.NOT_RUN)
    kind, place = list(Kind).index(change.kind), [each.id for each in CATALOGUE].index(change.requirements[0].id)
    states = change.was.value, change.now.value
    return kind, not red, change.since, change.before, place, change.sparsifiers, *states, change.reasons
