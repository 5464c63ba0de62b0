"""What became of each cell from one torch to the next; cells of one requirement and like change told as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby, pairwise

from packaging.version import Version

from ...catalogue import CATALOGUE, requirement
from ...show.escaping import printable
from ...show.results import Told, shown, told
from ...show.standing import Standing, standing
from ...values.cell import Cell
from ...values.declaration import Environment
from ...values.record import Header, Outcome, Record, Subject
from ...values.requirement import Requirement


@dataclass(frozen=True, order=True)
class Release:
    """One torch, by its version without the build."""

    version: Version

    @property
    def name(self) -> str:
        return str(self.version)

    @property
    def is_gating(self) -> bool:
        """Whether it is a release, and no nightly build or candidate for one."""
        return not self.version.is_prerelease

    @property
    def title(self) -> str:
        return self.name if self.is_gating else f"{self.name} (nightly, not gating)"


@dataclass(frozen=True)
class Judged:
    """One sparsifier on one torch: its part of a report. records: by cell."""

    name: str
    release: Release
    subject: Subject
    environment: Environment
    outcome: Outcome
    records: Mapping[str, Record]
    header: Header

    @property
    def package(self) -> str:
        """Distribution and version; nothing of torch itself, whose version the release tells."""
        declared = self.subject.declaration
        if declared is None or declared.distribution == "torch":
            return ""
        return shown(f"{declared.distribution} {declared.version}")


class Kind(str, Enum):
    """What a change means to whoever moves to the newer torch."""

    BROKE = "broke"
    MENDED = "mended"
    REACH = "came or went with what torch can do"
    OTHER = "changed otherwise"

    @property
    def meaning(self) -> str:
        """A sentence to stand above them."""
        return _MEANINGS[self]


_MEANINGS = {
    Kind.BROKE: "It passed or was refused on the torch before, and fails since.",
    Kind.MENDED: "It failed on the torch before, and holds since.",
    Kind.REACH: "On one of the two torches it cannot be judged, for want of something that torch has on the other; "
    "neither broken nor mended.",
    Kind.OTHER: "What is neither: refused where it passed, failing otherwise than expected, or planned on one of the "
    "two only.",
}
_FAILING = (Standing.FAILED, Standing.KNOWN, Standing.ERROR, Standing.NOT_RUN)
_HOLDING = (Standing.PASSED, Standing.STALE)
_REFUSED = (Standing.BY_PACKAGE, Standing.BY_ADAPTER)


@dataclass(frozen=True)
class Change:
    """Cells of one requirement that changed alike, between two torches that follow each other.

    before: the last torch with the verdict `was`; since: the first one with `now`. cells, axes: of all of them.
    reasons, link: of the expectations, or why it was unavailable. message, arguments: of the first cell.
    package: what else changed between the two reports, or empty.
    """

    kind: Kind
    sparsifiers: tuple[str, ...]
    requirement: Requirement
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

    @property
    def count(self) -> str:
        """Its cells, in words."""
        return f"{len(self.cells)} cell" + ("s" if len(self.cells) != 1 else "")

    @property
    def axes(self) -> str:
        """The values that its cells have on each axis."""
        cells = [Cell.parse(one) for one in self.cells]
        axes = ([getattr(one, axis) for one in cells] for axis in ("layer", "pattern", "dtype", "device"))
        return " / ".join(printable(", ".join(dict.fromkeys(values))) for values in axes)


def changes(judged: Sequence[Judged]) -> tuple[Change, ...]:
    """All changes, by kind, the reddest and the oldest first. judged: by sparsifier, then by release; those that could
    not be judged are passed over."""
    those = [one for one in judged if not one.subject.problem]
    single = [
        change
        for _, of_one in groupby(those, key=lambda one: one.name)
        for older, newer in pairwise(of_one)
        for change in _between(older, newer)
    ]
    found: dict[tuple[object, ...], list[Change]] = {}
    for change in single:
        found.setdefault(_like(change), []).append(change)
    return tuple(sorted(map(_together, found.values()), key=_worst_first))


def _between(older: Judged, newer: Judged) -> Iterator[Change]:
    package = f"{older.package} to {newer.package}" if older.package != newer.package else ""
    for cell in dict.fromkeys((*older.records, *newer.records)):
        was, now = _told(older, cell), _told(newer, cell)
        if was.standing is now.standing:
            continue
        kind = _kind(was, now)
        telling = _telling(kind, was, now)
        yield Change(
            kind, (newer.name,), requirement(Cell.parse(cell).requirement), older.release, newer.release,
            was.standing, now.standing, tuple(one.reason for one in telling if one.reason),
            next((one.link for one in telling if one.link), ""), package, (cell,),
            next((one.message for one in telling if one.message), ""), now.arguments or was.arguments,
        )


def _told(judged: Judged, cell: str) -> Told:
    """What became of the cell; of one that was not planned, why."""
    if record := judged.records.get(cell):
        return told(record, judged.subject)
    stands = standing(requirement(Cell.parse(cell).requirement), judged.subject, ())
    return Told(shown(cell), stands, "", "", "", "")


def _kind(was: Told, now: Told) -> Kind:
    if any(one.standing is Standing.UNAVAILABLE and one.reason.startswith("needs torch") for one in (was, now)):
        return Kind.REACH
    if now.standing in _FAILING and was.standing in (*_HOLDING, *_REFUSED):
        return Kind.BROKE
    return Kind.MENDED if was.standing in _FAILING and now.standing in _HOLDING else Kind.OTHER


def _telling(kind: Kind, was: Told, now: Told) -> tuple[Told, ...]:
    """Whose words explain the change."""
    if kind is Kind.MENDED:
        return (now, was) if now.standing is Standing.STALE else (was,)
    if kind is Kind.REACH:
        return (was, now)
    return (now,) if kind is Kind.BROKE or now.reason or now.message else (was,)


def _like(one: Change) -> tuple[object, ...]:
    """What is the same for all cells that are told in one line; of what torch can do, whoever asks for it."""
    who = () if one.kind is Kind.REACH else one.sparsifiers
    turn = (one.before, one.since, one.was, one.now)
    return (one.kind, who, one.requirement.id, turn, one.reasons, one.link, one.package)


def _together(those: Sequence[Change]) -> Change:
    first = those[0]
    names = tuple(dict.fromkeys(name for one in those for name in one.sparsifiers))
    cells = tuple(cell for one in those for cell in one.cells)
    return Change(
        first.kind, names, first.requirement, first.before, first.since, first.was, first.now, first.reasons,
        first.link, first.package, cells, first.message, first.arguments,
    )


def _worst_first(one: Change) -> tuple[object, ...]:
    red = one.now in (Standing.FAILED, Standing.ERROR, Standing.STALE, Standing.NOT_RUN)
    kind, place = list(Kind).index(one.kind), [each.id for each in CATALOGUE].index(one.requirement.id)
    return kind, not red, one.since, one.before, place, one.sparsifiers, one.was.value, one.now.value, one.reasons
