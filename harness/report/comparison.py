"""Two reports held against each other: what got worse, and what got better. No torch here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from msgspec.structs import replace

from ..catalogue.axes import resolve_pattern
from ..values.capability import CAPABILITIES
from ..values.cell import Cell
from ..values.declaration import Declaration
from ..values.record import Record, Subject, Verdict
from ..values.requirement import CANONICAL_PATTERN, LEVELLED_PATTERN
from .identity import LeftOut, catalogue_version, left_out
from .ledger import introduced, is_offered
from .report import Report, check_whole


class Kind(str, Enum):
    """How a change counts; the worst first, and after all that is worse what is better."""

    NEW_FAILURE = "new failure"
    LOST = "lost cell"
    SHRUNK = "shrunk capability"
    WEAKER = "weaker verdict"
    CHANGED = "changed behaviour"
    MENDED = "mended"
    GROWN = "grown capability"
    JUDGED = "newly judged"

    @property
    def is_worse(self) -> bool:
        return self not in (Kind.MENDED, Kind.GROWN, Kind.JUDGED)


@dataclass(frozen=True)
class Change:
    """What became of one sparsifier's cells of one requirement alike, or of what it declares.

    what: before and now, in words. cells: all that it is true of; none where it is about a declaration.
    message: of the first of them.
    """

    kind: Kind
    sparsifier: str
    what: str
    requirement: str = ""
    cells: tuple[str, ...] = ()
    message: str = ""

    @property
    def count(self) -> int:
        """How much it counts for."""
        return len(self.cells) or 1


@dataclass(frozen=True)
class Comparison:
    """The changes from one report to another.

    Attributes:
        changes: The worst first.
        compared: Number of cells in both reports that the baseline judged.
        outside: Number of cells left aside because only one of the reports was asked for them.
        left_out: Requirements that the two reports do not share, or not at the same revision.
    """

    changes: tuple[Change, ...]
    compared: int
    outside: int = 0
    left_out: tuple[LeftOut, ...] = ()

    @property
    def worse(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.kind.is_worse)

    @property
    def better(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if not change.kind.is_worse)

    @property
    def exit_code(self) -> int:
        """1 something is worse; 3 nothing was compared; else 0."""
        return 1 if self.worse else 0 if self.compared else 3


@dataclass(frozen=True)
class Pair:
    """What both reports hold of one cell."""

    before: Record | None
    now: Record | None

    @property
    def cell(self) -> str:
        record = self.now or self.before
        assert record is not None
        return record.cell

    @property
    def is_compared(self) -> bool:
        return None not in (self.before, self.now) and _is_judged(self.before)


def compare(baseline: Report, new: Report) -> Comparison:
    """What changed from `baseline` to `new`, on the cells that both were asked for.

    Raises:
        InvalidReport: One of the two does not hold the verdicts of a whole run.
    """
    check_whole(baseline, "the baseline")
    check_whole(new, "the new report")
    found = left_out(baseline.requirements, new.requirements)
    baseline, new = baseline.restricted(new.requirements), new.restricted(baseline.requirements)
    before, now = _Side(baseline, new), _Side(new, baseline)
    names = dict.fromkeys((*before.subjects, *now.subjects))
    compared = [_subject(name, before, now) for name in names]
    changes = [change for found, _ in compared for change in found]
    order = list(Kind)
    return Comparison(
        tuple(sorted(changes, key=lambda change: order.index(change.kind))),
        sum(count for _, count in compared),
        len({*before.outside, *now.outside}),
        found,
    )


class _Side:
    """One report's subjects, and their records by cell: those that the other report was asked for, too."""

    def __init__(self, report: Report, other: Report) -> None:
        self.catalogue = catalogue_version(report.header)
        self.subjects = {subject.sparsifier: subject for subject in report.header.subjects}
        self.outside = list[str]()
        self.records: dict[str, dict[str, Record]] = {name: {} for name in self.subjects}
        for record in report.records:
            cell = Cell.parse(record.cell)
            if other.header.selection.takes(cell):
                self.records[cell.sparsifier][record.cell] = record
            else:
                self.outside.append(record.cell)

    def judged(self, name: str) -> Subject | None:
        """The subject called `name`, unless there is none or it could not be judged."""
        subject = self.subjects.get(name)
        return None if subject is None or subject.problem or subject.declaration is None else subject


def _subject(name: str, before: _Side, now: _Side) -> tuple[list[Change], int]:
    """The changes of one sparsifier, and how many of its cells were compared."""
    old, new = before.judged(name), now.judged(name)
    if new is None:
        return list(_unjudged(name, before, now)), 0
    pairs = list(_pairs(old, new, before.records.get(name, {}), now.records[name]))
    steps = (step for pair in pairs if (step := _step(pair, new.declaration, before.catalogue)) is not None)
    changes = _grouped(name, steps)
    declared = list(_declared(old.declaration, new.declaration)) if old and old.declaration and new.declaration else []
    return [*declared, *changes], sum(pair.is_compared for pair in pairs)


def _unjudged(name: str, before: _Side, now: _Side) -> Iterator[Change]:
    """What is not judged now: lost if it was, a failure if it is new."""
    subject, cells = now.subjects.get(name), tuple(before.records.get(name, ()))
    problem = subject.problem if subject else ""
    if cells:
        what = "could be judged before, cannot be now" if subject else "the whole sparsifier is gone from the report"
        yield Change(Kind.LOST, name, what, "", cells, problem)
    elif subject and name not in before.subjects:
        yield Change(Kind.NEW_FAILURE, name, "not in the baseline, could not be judged", message=problem)


def _pairs(
    old: Subject | None, new: Subject, before: Mapping[str, Record], now: Mapping[str, Record]
) -> Iterator[Pair]:
    found = set[str]()
    for record in before.values():
        same = _same(record, old, new, now)
        found |= {same.cell} if same else set()
        yield Pair(record, same)
    yield from (Pair(None, record) for record in now.values() if record.cell not in found)


def _same(record: Record, old: Subject | None, new: Subject, now: Mapping[str, Record]) -> Record | None:
    """The new record of a cell. Where another pattern is canonical by now, that of the cell which took its place; of
    one that no machine had a device for, that on any other."""
    if record.cell in now:
        return now[record.cell]
    cell = Cell.parse(record.cell)
    places = [replace(cell, pattern=pattern) for pattern in _patterns(cell.pattern, old, new)]
    if record.verdict is Verdict.UNAVAILABLE:
        devices = dict.fromkeys(Cell.parse(id).device for id in now)
        places += [replace(cell, device=device) for device in devices if device != "cpu"]
    return next((now[place.id] for place in places if place.id in now), None)


def _patterns(pattern: str, old: Subject | None, new: Subject) -> Iterator[str]:
    """What stands now where `pattern` stood because it was the sparsifier's first."""
    if old is None or old.declaration is None or new.declaration is None:
        return
    for first in (CANONICAL_PATTERN, LEVELLED_PATTERN):
        if resolve_pattern(first, old.declaration) == pattern:
            yield resolve_pattern(first, new.declaration)


@dataclass(frozen=True)
class _Step:
    kind: Kind
    what: str
    pair: Pair


def _step(pair: Pair, declaration: Declaration | None, catalogue: int) -> _Step | None:
    """Return the change of one cell, or None if it is no change.

    Args:
        declaration: The sparsifier's in the new report.
        catalogue: The version that the baseline was judged by. A cell that entered later cannot be a new failure.
    """
    before, now = pair.before, pair.now
    if now is None:
        was_refused = before is not None and before.verdict is Verdict.REFUSED
        is_refused_once = was_refused and declaration is not None and not is_offered(pair.cell, declaration)
        return None if is_refused_once else _Step(Kind.LOST, _UNPLANNED, pair)
    if before is None:
        could_be_judged = introduced(now.cell) <= catalogue
        kind = Kind.NEW_FAILURE if now.verdict.is_red and could_be_judged else Kind.JUDGED
        is_new = now.verdict is not Verdict.UNAVAILABLE
        return _Step(kind, f"not in the baseline, is {_told(now)}", pair) if is_new else None
    changed = _kind(before, now)
    if changed is Kind.CHANGED and before.verdict is now.verdict:
        return _Step(changed, f"{now.verdict.value} as before, but otherwise", pair)
    return _Step(changed, f"was {_told(before)}, is {_told(now)}", pair) if changed else None


_UNPLANNED = "planned before, not planned now"
_NOT_JUDGED = (Verdict.UNAVAILABLE, Verdict.NOT_RUN)
_WEAKER = {
    (Verdict.PASSED, Verdict.KNOWN), (Verdict.PASSED, Verdict.REFUSED), (Verdict.KNOWN, Verdict.REFUSED),
    (Verdict.STALE, Verdict.KNOWN), (Verdict.STALE, Verdict.REFUSED),
}


def _is_judged(record: Record | None) -> bool:
    return record is not None and record.verdict not in _NOT_JUDGED


def _kind(before: Record, now: Record) -> Kind | None:
    """How the change of a verdict counts; None if it is no change."""
    was, is_now = before.verdict, now.verdict
    if was is is_now:
        return _within(before, now)
    if is_now is Verdict.UNAVAILABLE:
        return Kind.LOST if _is_judged(before) else None
    if was is Verdict.NOT_RUN or (was is Verdict.UNAVAILABLE and not is_now.is_red):
        return Kind.JUDGED
    if is_now.is_red:
        return _reddened(was, is_now)
    return Kind.WEAKER if (was, is_now) in _WEAKER else Kind.MENDED


def _reddened(was: Verdict, is_now: Verdict) -> Kind:
    """A stale expectation is red, too; but where it failed before, no more than the entry is left to delete."""
    if is_now is Verdict.STALE and was in (Verdict.KNOWN, Verdict.FAILED, Verdict.ERROR):
        return Kind.MENDED
    return Kind.CHANGED if was.is_red and was is not Verdict.STALE else Kind.NEW_FAILURE


def _within(before: Record, now: Record) -> Kind | None:
    """The same verdict for another reason, or by another."""
    if before.verdict is Verdict.REFUSED and before.refused_by != now.refused_by:
        return Kind.MENDED if now.refused_by == "package" else Kind.WEAKER
    return Kind.CHANGED if essence(before.signature) != essence(now.signature) else None


def essence(signature: str) -> str:
    """What is alike in two failures for the same reason: the kind of a mismatch; of an exception its type and its
    words, without numbers and places."""
    kind, _, message = signature.partition(": ")
    if not kind[:1].isupper():
        return kind
    return f"{kind}: " + re.sub(r"\d+(\.\d+)?(e[+-]?\d+)?", "#", re.sub(r"\S*[/\\]\S*", "...", message))


def _told(record: Record) -> str:
    by = f" by the {record.refused_by}" if record.refused_by else ""
    return record.verdict.value + by


def _grouped(name: str, steps: Iterable[_Step]) -> Iterator[Change]:
    """One change for all cells of a requirement that changed alike."""
    groups: dict[tuple[Kind, str, str], list[Pair]] = {}
    for step in steps:
        groups.setdefault((step.kind, Cell.parse(step.pair.cell).requirement, step.what), []).append(step.pair)
    for (kind, requirement, what), pairs in groups.items():
        cells = tuple(pair.cell for pair in pairs)
        yield Change(kind, name, what, requirement, cells, _message(kind, pairs))


def _message(kind: Kind, pairs: Sequence[Pair]) -> str:
    before, now = pairs[0].before, pairs[0].now
    if kind is Kind.CHANGED and before is not None and now is not None:
        return f"before: {before.signature or before.message}; now: {now.signature or now.message}"
    return (now.message or now.reason) if now is not None else ""


def _declared(old: Declaration, new: Declaration) -> Iterator[Change]:
    """What the sparsifier says of itself otherwise than before."""
    name, had, has = new.sparsifier, old.capabilities, new.capabilities
    for capability in sorted(had.supported - has.supported):
        now = has.support(capability).value if capability in CAPABILITIES else "no capability any more"
        yield Change(Kind.SHRUNK, name, f"{capability}: was supported, is {now}")
    for capability in sorted(has.supported - had.supported):
        yield Change(Kind.GROWN, name, f"{capability}: is supported now")
    if old.profile != new.profile:
        yield Change(Kind.CHANGED, name, f"profile: was {old.profile}, is {new.profile}")
    for clause in new.contract.__struct_fields__:
        was, now = getattr(old.contract, clause), getattr(new.contract, clause)
        if was != now:
            yield Change(Kind.CHANGED, name, f"contract, {clause}: was {was}, is {now}")
