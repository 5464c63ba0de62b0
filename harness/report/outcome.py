"""Compute the result of a sparsifier: overall, for the exit code, and at each level."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from ..values.cell import Cell, area_of
from ..values.record import Conformance, LevelOutcome, Outcome, Record, Result, Verdict
from ..values.requirement import Level
from .ledger import REFUSE, SMOKE, reconcile

_JUDGED = (Verdict.PASSED, Verdict.FAILED, Verdict.KNOWN, Verdict.STALE, Verdict.PROVISIONAL)
"""The verdicts which show that a requirement holds or fails."""


def outcome(
    sparsifier: str, planned: Iterable[str], records: Iterable[Record], levels: Mapping[str, Level], selected: bool,
    sharded: bool = False,
) -> Outcome:
    """Return the result of a sparsifier, overall and per level.

    The overall result is `green` if nothing is red and something passed; known defects are allowed. It is `red` if
    something is red or was never judged, or if nothing passed. It is `selection` if nothing is red, but only a part was
    requested, which may contain no cell of this sparsifier. It is `unavailable` if the machine cannot run anything that
    the sparsifier supports.

    Args:
        sparsifier: The name of the sparsifier.
        planned: The ids of its planned cells.
        records: Its records.
        levels: The level of each requirement that applies to its profile and contract, by id.
        selected: Whether only a part of the catalogue was requested.
        sharded: Whether other machines judge the rest.
    """
    planned, records = tuple(planned), tuple(records)
    is_balanced = bool(reconcile(planned, records))
    counts = Counter(record.verdict.value for record in records)
    if selected and not sharded and not planned and is_balanced:
        return Outcome(sparsifier, "selection", {}, 0, True)
    result = _result(records, selected, sharded) if is_balanced and (planned or sharded) else "red"
    is_whole = result == "green" or (result == "red" and is_balanced and not selected and not sharded)
    core, extended = (_level(one, records, levels, is_whole) for one in ("core", "extended"))
    return Outcome(sparsifier, result, dict(sorted(counts.items())), len(planned), is_balanced, core, extended)


def _result(records: tuple[Record, ...], selected: bool, sharded: bool) -> Result:
    if any(record.verdict.is_red for record in records):
        return "red"
    if sharded:
        return "selection"
    if is_for_elsewhere(records):
        return "unavailable"
    if selected:
        return "selection"
    return "red" if nothing_passed(records) else "green"


def _level(
    level: Level, records: tuple[Record, ...], levels: Mapping[str, Level], is_whole: bool
) -> LevelOutcome | None:
    """Return the result at one level, or None if no requirement is known to apply to the sparsifier."""
    if not levels:
        return None
    of_level = [(record, id) for record in records if levels.get(id := Cell.parse(record.cell).requirement) == level]
    judged = {id for record, id in of_level if _is_judged(record)}
    defects = {defect_key(record) for record, _ in of_level if record.verdict is Verdict.KNOWN}
    applicable = sum(one == level for one in levels.values())
    is_red = any(record.verdict.is_red for record, _ in of_level)
    if is_red or (is_whole and nothing_passed(records)):
        return LevelOutcome("not conformant", len(defects), len(judged), applicable)
    if not is_whole or not judged:
        return LevelOutcome("incomplete", len(defects), len(judged), applicable)
    conformance: Conformance = "conformant with known defects" if defects else "conformant"
    return LevelOutcome(conformance, len(defects), len(judged), applicable)


def _is_judged(record: Record) -> bool:
    """Return whether the record shows that its requirement holds or fails; a refusal does so only in REFUSE."""
    is_good_refusal = record.verdict is Verdict.REFUSED and area_of(record.cell) == REFUSE
    return record.verdict in _JUDGED or is_good_refusal


def defect_key(record: Record) -> tuple[str, str, str]:
    """Return the key that groups the failures of a known defect: its id, or its reason and link if it has no id."""
    return (record.defect, "", "") if record.defect else ("", record.reason, record.link)


def is_for_elsewhere(records: Iterable[Record]) -> bool:
    """Return whether this machine could run none of the smoke checks, or none of the requested cells."""
    records = tuple(records)
    smoke = tuple(record for record in records if _is_smoke(record))
    return all(record.verdict is Verdict.UNAVAILABLE for record in smoke or records)


def nothing_passed(records: Iterable[Record]) -> bool:
    """Return whether no cell passed except smoke checks, which judge the adapter, and refusals."""
    return all(area_of(record.cell) in (SMOKE, REFUSE) for record in records if record.verdict is Verdict.PASSED)


def _is_smoke(record: Record) -> bool:
    return area_of(record.cell) == SMOKE


OLDER_WORDS: Mapping[Result, Result] = {"success": "green", "partial": "green", "failure": "red"}
"""The current result for each result of older reports."""


def is_same(stated: Outcome, computed: Outcome) -> bool:
    """Return whether a footer's outcome equals the computed one; the footer of an older report has no levels."""
    result = OLDER_WORDS.get(stated.result, stated.result)
    levels = (stated.core, stated.extended) if stated.core or stated.extended else (computed.core, computed.extended)
    return Outcome(stated.sparsifier, result, stated.counts, stated.planned, stated.balanced, *levels) == computed
