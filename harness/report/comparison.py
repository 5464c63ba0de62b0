"""Compare two reports cell by cell and classify every change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from msgspec.structs import replace

from ..catalogue.axes import resolve_pattern
from ..errors import INCOMPLETE, OK, RED
from ..values.capability import CAPABILITIES, LAYER_KINDS
from ..values.cell import Cell
from ..values.declaration import Declaration
from ..values.record import Record, Subject, Verdict
from ..values.requirement import CANONICAL_PATTERN, LEVELLED_PATTERN
from .identity import LeftOut, catalogue_version, left_out
from .ledger import introduced, is_offered
from .reasons import Reason
from .report import Report, check_whole
from .signature import first_line


class Kind(str, Enum):
    """The kinds of changes: first those for the worse, worst first, then the others."""

    NEW_FAILURE = "new failure"
    LOST = "lost cell"
    SHRUNK = "shrunk capability"
    WEAKER = "weaker verdict"
    CHANGED = "changed behaviour"
    FIXED = "fixed"
    GROWN = "grown capability"
    JUDGED = "newly judged"
    PROVISIONAL = "provisional failure"

    @property
    def is_worse(self) -> bool:
        return self not in (Kind.FIXED, Kind.GROWN, Kind.JUDGED, Kind.PROVISIONAL)


@dataclass(frozen=True)
class Change:
    """A change in the declaration of a sparsifier, or the same change in several cells of one requirement.

    Attributes:
        kind: The kind of change.
        sparsifier: The name of the sparsifier.
        what: A description of the states before and now.
        requirement: The requirement; empty for a change in the declaration.
        cells: The ids of the cells that changed; none for a change in the declaration.
        message: The message of the first cell.
    """

    kind: Kind
    sparsifier: str
    what: str
    requirement: str = ""
    cells: tuple[str, ...] = ()
    message: str = ""

    @property
    def count(self) -> int:
        """Return the number of changed cells, or 1 for a change in the declaration."""
        return len(self.cells) or 1


@dataclass(frozen=True)
class Comparison:
    """The changes from one report to another.

    Attributes:
        changes: The worst first.
        compared: Number of cells in both reports that the baseline judged.
        outside: Number of cells that are in the selection of only one of the reports, and are not compared.
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
        others = (change for change in self.changes if not change.kind.is_worse)
        return tuple(change for change in others if change.kind is not Kind.PROVISIONAL)

    @property
    def provisional(self) -> tuple[Change, ...]:
        """Return the new failures of requirements that do not bind the sparsifier yet."""
        return tuple(change for change in self.changes if change.kind is Kind.PROVISIONAL)

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Return a reason per change for the worse, or one if nothing was compared."""
        if not self.worse and not self.compared:
            return (Reason(INCOMPLETE, "nothing compared", "", "the baseline judged no cell that the report has"),)
        return tuple(
            Reason(RED, one.kind.value, one.sparsifier, ": ".join(filter(None, (one.what, one.message))), one.cells)
            for one in self.worse
        )

    @property
    def exit_code(self) -> int:
        """Return RED if something got worse, INCOMPLETE if nothing was compared, and OK otherwise."""
        return max((one.code for one in self.reasons), default=OK)


@dataclass(frozen=True)
class Pair:
    """The records of one cell in both reports."""

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
    """Return the changes from `baseline` to `new` in the cells that both selections contain.

    Raises:
        InvalidReport: One of the two does not hold the verdicts of a whole run.
    """
    check_whole(baseline, "the baseline")
    check_whole(new, "the new report")
    omitted = left_out(baseline.requirements, new.requirements)
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
        omitted,
    )


class _Side:
    """The subjects of one report, and their records in cells that the selection of the other report contains."""

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
        """Return the subject with this name, or None if there is none or it could not be judged."""
        subject = self.subjects.get(name)
        return None if subject is None or subject.problem or subject.declaration is None else subject


def _subject(name: str, before: _Side, now: _Side) -> tuple[list[Change], int]:
    """Return the changes of one sparsifier and the number of its cells that were compared."""
    old, new = before.judged(name), now.judged(name)
    if new is None:
        return list(_unjudged(name, before, now)), 0
    pairs = list(_pairs(old, new, before.records.get(name, {}), now.records[name]))
    offered = old.declaration if old else None
    steps = (step for pair in pairs if (step := _step(pair, offered, before.catalogue)) is not None)
    changes = _grouped(name, steps)
    declared = list(_declared(old.declaration, new.declaration)) if old and old.declaration and new.declaration else []
    return [*declared, *changes], sum(pair.is_compared for pair in pairs)


def _unjudged(name: str, before: _Side, now: _Side) -> Iterator[Change]:
    """Yield the change of a sparsifier that is not judged now: its cells are lost, or it is a new failure."""
    subject, cells = now.subjects.get(name), tuple(before.records.get(name, ()))
    problem = subject.problem if subject else ""
    if cells:
        what = "could be judged before, but not now" if subject else "the sparsifier is missing from the new report"
        yield Change(Kind.LOST, name, what, "", cells, problem)
    elif subject and name not in before.subjects:
        yield Change(Kind.NEW_FAILURE, name, "not in the baseline, and could not be judged", message=problem)


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
    """Return the new record that corresponds to an old one, or None if there is none.

    This is the record of the same cell if there is one. Otherwise, if the sparsifier's canonical pattern has changed,
    it is the record of the cell with the new canonical pattern; and for an unavailable cell on an accelerator, the
    record on another accelerator.
    """
    if record.cell in now:
        return now[record.cell]
    cell = Cell.parse(record.cell)
    places = [replace(cell, pattern=pattern) for pattern in _patterns(cell, old, new)]
    if record.verdict is Verdict.UNAVAILABLE:
        devices = dict.fromkeys(Cell.parse(id).device for id in now)
        places += [replace(cell, device=device) for device in devices if device != "cpu"]
    return next((now[place.id] for place in places if place.id in now), None)


def _patterns(cell: Cell, old: Subject | None, new: Subject) -> Iterator[str]:
    """Yield the patterns that replace the cell's, if it was the sparsifier's canonical or levelled one."""
    if old is None or old.declaration is None or new.declaration is None:
        return
    for first in (CANONICAL_PATTERN, LEVELLED_PATTERN):
        if resolve_pattern(first, old.declaration, cell.layer) == cell.pattern:
            yield resolve_pattern(first, new.declaration, cell.layer)


@dataclass(frozen=True)
class _Step:
    kind: Kind
    what: str
    pair: Pair


def _step(pair: Pair, declaration: Declaration | None, catalogue: int) -> _Step | None:
    """Return the change of one cell, or None if it is no change.

    Args:
        pair: The records of the cell.
        declaration: The sparsifier's declaration in the baseline. A cell that it did not offer was planned for its
            refusal, as up to catalogue 3, and is no loss.
        catalogue: The version that the baseline was judged by. A cell introduced later cannot be a new failure.
    """
    before, now = pair.before, pair.now
    if now is None:
        assert before is not None
        was_offered = declaration is None or is_offered(pair.cell, declaration)
        is_lost = was_offered or before.verdict is Verdict.PASSED
        return _Step(Kind.LOST, _UNPLANNED, pair) if is_lost else None
    if before is None:
        could_be_judged = introduced(now.cell) <= catalogue
        kind = Kind.NEW_FAILURE if now.verdict.is_red and could_be_judged else Kind.JUDGED
        is_new = now.verdict is not Verdict.UNAVAILABLE
        return _Step(kind, f"not in the baseline, now {_describe(now)}", pair) if is_new else None
    changed = _kind(before, now)
    if changed is Kind.CHANGED and before.verdict is now.verdict:
        return _Step(changed, f"{now.verdict.value} as before, but in another way", pair)
    return _Step(changed, f"was {_describe(before)}, now {_describe(now)}", pair) if changed else None


_UNPLANNED = "planned before, but not now"
_NOT_JUDGED = (Verdict.UNAVAILABLE, Verdict.NOT_RUN)
_WEAKER = {
    (Verdict.PASSED, Verdict.KNOWN), (Verdict.PASSED, Verdict.REFUSED), (Verdict.KNOWN, Verdict.REFUSED),
    (Verdict.STALE, Verdict.KNOWN), (Verdict.STALE, Verdict.REFUSED),
}


def _is_judged(record: Record | None) -> bool:
    return record is not None and record.verdict not in _NOT_JUDGED


def _kind(before: Record, now: Record) -> Kind | None:
    """Return the kind of a change from one record to another, or None if nothing changed."""
    was, is_now = before.verdict, now.verdict
    if was is is_now:
        return _same_verdict(before, now)
    if is_now is Verdict.UNAVAILABLE:
        return Kind.LOST if _is_judged(before) else None
    if was is Verdict.NOT_RUN or (was is Verdict.UNAVAILABLE and not is_now.is_red):
        return Kind.JUDGED
    if is_now.is_red:
        return _now_red(before, now)
    if is_now is Verdict.PROVISIONAL:
        return Kind.PROVISIONAL
    return Kind.WEAKER if (was, is_now) in _WEAKER else Kind.FIXED


def _now_red(before: Record, now: Record) -> Kind:
    """Return the kind of a change to a red verdict.

    A stale expectation is red, but if the cell failed before and does not fail now, it is fixed and only its entry
    remains to be deleted.
    """
    was = before.verdict
    if now.verdict is Verdict.STALE and not now.signature and was in (Verdict.KNOWN, Verdict.FAILED, Verdict.ERROR):
        return Kind.FIXED
    return Kind.CHANGED if was.is_red and was is not Verdict.STALE else Kind.NEW_FAILURE


def _same_verdict(before: Record, now: Record) -> Kind | None:
    """Return the kind of a change that leaves the verdict as it was: another reason, or another refuser."""
    if before.verdict is Verdict.REFUSED and before.refused_by != now.refused_by:
        return Kind.FIXED if now.refused_by == "package" else Kind.WEAKER
    if essence(before.signature) == essence(now.signature):
        return None
    return Kind.PROVISIONAL if now.verdict is Verdict.PROVISIONAL else Kind.CHANGED


def essence(signature: str) -> str:
    """Return the part of a signature that two failures with the same cause share.

    This is the kind of a mismatch, or the type and message of an exception without numbers and paths.
    """
    kind, _, message = first_line(signature).partition(": ")
    if not kind[:1].isupper():
        return kind
    return f"{kind}: " + re.sub(r"\d+(\.\d+)?(e[+-]?\d+)?", "#", re.sub(r"\S*[/\\]\S*", "...", message))


def _describe(record: Record) -> str:
    by = f" by the {record.refused_by}" if record.refused_by else ""
    return record.verdict.value + by


def _grouped(name: str, steps: Iterable[_Step]) -> Iterator[Change]:
    """Yield one change for all cells of a requirement that changed in the same way."""
    groups: dict[tuple[Kind, str, str], list[Pair]] = {}
    for step in steps:
        groups.setdefault((step.kind, Cell.parse(step.pair.cell).requirement, step.what), []).append(step.pair)
    for (kind, requirement, what), pairs in groups.items():
        cells = tuple(pair.cell for pair in pairs)
        yield Change(kind, name, what, requirement, cells, _message(kind, pairs))


def _message(kind: Kind, pairs: Sequence[Pair]) -> str:
    before, now = pairs[0].before, pairs[0].now
    if kind is Kind.CHANGED and before is not None and now is not None:
        return f"before: {_seen(before)}; now: {_seen(now)}"
    return (now.message or now.reason) if now is not None else ""


def _seen(record: Record) -> str:
    return first_line(record.signature) or record.message


def _declared(old: Declaration, new: Declaration) -> Iterator[Change]:
    """Yield the changes in capabilities and their parts, catalogue version, profile and contract."""
    name, had, has = new.sparsifier, old.capabilities, new.capabilities
    for capability in sorted(had.supported - has.supported):
        now = has.support(capability).value if capability in CAPABILITIES else "no longer a capability"
        yield Change(Kind.SHRUNK, name, f"{capability}: was supported, now {now}")
    for capability in sorted(has.supported - had.supported):
        yield Change(Kind.GROWN, name, f"{capability}: now supported")
    for pattern in sorted(had.supported & has.supported):
        yield from _parts(name, pattern, had.part(pattern), has.part(pattern))
    if new.catalogue < old.catalogue:
        what = f"catalogue: was {old.catalogue}, now {new.catalogue}; newer requirements are provisional again"
        yield Change(Kind.CHANGED, name, what)
    if old.profile != new.profile:
        yield Change(Kind.CHANGED, name, f"profile: was {old.profile}, now {new.profile}")
    for clause in new.contract.__struct_fields__:
        was, now = getattr(old.contract, clause), getattr(new.contract, clause)
        if was != now:
            yield Change(Kind.CHANGED, name, f"contract, {clause}: was {was}, now {now}")


def _parts(name: str, pattern: str, had: tuple[str, ...], has: tuple[str, ...]) -> Iterator[Change]:
    """Yield the change in the supported parts of a pattern; no parts stand for the whole."""
    if set(had) != set(has):
        whole = {"all"} if pattern == "block" else set(LAYER_KINDS)
        is_shrunk = bool(has) and not set(has) >= (set(had) or whole)
        was, now = (" ".join(parts) or "all" for parts in (had, has))
        yield Change(Kind.SHRUNK if is_shrunk else Kind.GROWN, name, f"parts of {pattern}: was {was}, now {now}")
