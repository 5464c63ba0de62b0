"""Derive the verdict of a cell from the outcome of its case and the expectations."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec.structs import replace

from ..catalogue import find_requirement
from ..values.cell import Cell
from ..values.declaration import Declaration
from ..values.record import Record, Verdict
from ..values.violation import Violation
from .expectation import Expectation
from .ledger import binds


def signature(error: BaseException) -> str:
    """Return the signature of a failure: its kind or exception type, and the first line of its message."""
    if isinstance(error, Violation):
        return f"{error.kind}: {_first_line(error.message)}"
    return f"{type(error).__name__}: {_first_line(said(error))}"


def said(error: BaseException) -> str:
    """Return the message of an exception, or a note if its message cannot be read."""
    try:
        return recordable(str(error))
    except Exception as unreadable:
        return f"(its message cannot be read: {type(unreadable).__name__})"


def recordable(text: str) -> str:
    """Return a text that can be recorded: without memory addresses, encodable in UTF-8, and truncated if very long."""
    plain = re.sub(r"\b0x[0-9a-fA-F]{6,}", "0x...", text.encode("utf-8", "backslashreplace").decode("utf-8"))
    return plain if len(plain) <= _MOST else f"{plain[:_MOST]} ... ({len(plain) - _MOST} more characters)"


_MOST = 10_000
"""The length at which a message is truncated, in characters."""


def _first_line(text: str) -> str:
    lines = recordable(text).strip().splitlines()
    return lines[0][:500] if lines else ""


def weigh(record: Record, expectations: Iterable[Expectation]) -> Record:
    """Return the record with the expectations of its cell applied.

    A failure that an expectation explains becomes a known failure. A failure with another signature, or beyond the
    bound of the expected one, stays a failure and its message says why. If a failure was expected and the cell passed
    or was refused, the expectation is stale.
    """
    cell = Cell.parse(record.cell)
    expected = [entry for entry in expectations if entry.covers(cell)]
    if not expected or record.verdict in (Verdict.UNAVAILABLE, Verdict.ERROR, Verdict.NOT_RUN):
        return record
    if record.verdict is not Verdict.FAILED:
        return _stale(record, expected[0])
    for entry in expected:
        if entry.explains(record.signature):
            return replace(record, verdict=Verdict.KNOWN, reason=entry.reason, link=entry.link, defect=entry.id)
    return replace(record, message=f"{record.message} ({_unexplained(record.signature, expected)})")


def _unexplained(signature: str, expected: Iterable[Expectation]) -> str:
    """Return why none of the expected defects explains a failure, citing the nearest of them."""
    expected = tuple(expected)
    for entry in expected:
        if outgrown := entry.outgrown(signature):
            return f"worse than expected: {entry.title} explains {outgrown!r}"
    first = expected[0]
    others = " or ".join(repr(signature) for signature in first.signatures[:3])
    return f"the expected failure is {others}" + (f", by {first.title}" if first.id else "")


def bound(record: Record, declaration: Declaration | None) -> Record:
    """Return the record with its failure made provisional, if the requirement does not bind the sparsifier yet.

    A requirement binds if its level is core or extended and it is not newer than the catalogue version that the adapter
    states. Until then, expectations do not apply, and a stale one is provisional, too. A cell that was not run stays
    red: it says nothing about its requirement, and the smoke check that stopped it binds.
    """
    cell = Cell.parse(record.cell)
    requirement = find_requirement(cell.requirement)
    if declaration is None or requirement is None or binds(requirement, cell, declaration):
        return record
    if not record.verdict.is_red or record.verdict is Verdict.NOT_RUN:
        return record
    reason = f"newer than catalogue {declaration.catalogue}, which the adapter states, and therefore not red"
    reason = "a provisional requirement is never red" if requirement.level == "provisional" else reason
    return replace(record, verdict=Verdict.PROVISIONAL, reason=reason)


def _stale(record: Record, entry: Expectation) -> Record:
    remedy = "remove the cell from the entry, or delete the entry" if entry.id else "delete the expectation"
    by = f" by {entry.title}" if entry.id else ""
    return replace(
        record,
        verdict=Verdict.STALE,
        reason=entry.reason,
        link=entry.link,
        defect=entry.id,
        message=f"expected to fail with {entry.signatures[0]!r}{by}, but {record.verdict.value}: {remedy}",
    )
