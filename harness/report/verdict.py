"""Turn the result of a case into the verdict of its cell."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec.structs import replace

from ..catalogue import UnknownRequirement, requirement
from ..values.cell import Cell
from ..values.declaration import Declaration
from ..values.record import Record, Verdict
from ..values.requirement import Requirement
from ..values.violation import Violation
from .expectation import Expectation
from .ledger import binds


def signature(error: BaseException) -> str:
    """Return the signature of a failure: its kind or exception type, and the first line of its message."""
    if isinstance(error, Violation):
        return f"{error.kind}: {_first_line(error.message)}"
    return f"{type(error).__name__}: {_first_line(said(error))}"


def said(error: BaseException) -> str:
    """Return the message of an exception, even of one that has none to give."""
    try:
        return recordable(str(error))
    except Exception as worse:
        return f"(its message cannot be had: {type(worse).__name__})"


def recordable(text: str) -> str:
    """Return the text as a report can hold it.

    Addresses in memory are replaced, since they differ from run to run, and characters that UTF-8 cannot encode are
    escaped. Of a very long text, only the beginning is kept.
    """
    kept = re.sub(r"\b0x[0-9a-fA-F]{6,}", "0x...", text.encode("utf-8", "backslashreplace").decode("utf-8"))
    return kept if len(kept) <= _MOST else f"{kept[:_MOST]} ... ({len(kept) - _MOST} more characters)"


_MOST = 10_000
"""How many characters of one message a report keeps."""


def _first_line(text: str) -> str:
    lines = recordable(text).strip().splitlines()
    return lines[0][:500] if lines else ""


def weigh(record: Record, expectations: Iterable[Expectation]) -> Record:
    """Return the record with what was expected of its cell taken into account.

    A failure that an expectation explains is known. A failure with another signature, or one beyond the bound of the
    expected signature, stays a failure and says so. A cell that passed or was refused though a failure was expected
    is stale.
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
    """Return why none of the expected defects explains a failure; by the nearest of them."""
    expected = list(expected)
    for entry in expected:
        if outgrown := entry.outgrown(signature):
            return f"worse than expected: {entry.title} explains {outgrown!r}"
    first = expected[0]
    others = " or ".join(repr(signature) for signature in first.signatures[:3])
    return f"a failure was expected here, but as {others}" + (f", by {first.title}" if first.id else "")


def bound(record: Record, declaration: Declaration | None) -> Record:
    """Return the record, its failure made provisional if the requirement does not bind the sparsifier yet.

    A requirement binds if it is of level core or extended and not newer than the catalogue version that the adapter
    states. Expectations do not apply before: a stale one is provisional, too.
    """
    cell = Cell.parse(record.cell)
    one = _requirement(cell)
    if declaration is None or one is None or not record.verdict.is_red or binds(one, cell, declaration):
        return record
    reason = f"newer than catalogue {declaration.catalogue}, which the adapter states; not red until it does"
    reason = "a provisional requirement is never red" if one.level == "provisional" else reason
    return replace(record, verdict=Verdict.PROVISIONAL, reason=reason)


def _requirement(cell: Cell) -> Requirement | None:
    try:
        return requirement(cell.requirement)
    except UnknownRequirement:
        return None


def _stale(record: Record, entry: Expectation) -> Record:
    remedy = "take the cell out of the entry, or delete it" if entry.id else "delete the expectation"
    by = f" by {entry.title}" if entry.id else ""
    return replace(
        record,
        verdict=Verdict.STALE,
        reason=entry.reason,
        link=entry.link,
        defect=entry.id,
        message=f"expected to fail as {entry.signatures[0]!r}{by}, but {record.verdict.value}: {remedy}",
    )
