"""Derive the verdict of a cell from the outcome of its case and the expectations."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from ..catalogue import find_requirement
from ..values.cell import Cell
from ..values.declaration import Declaration
from ..values.record import Record, Verdict
from ..values.violation import Violation
from .expectation import Expectation
from .ledger import binds
from .signature import NO_MESSAGE, Signature, amount


def signature(error: BaseException) -> str:
    """Return the signature of a failure: its kind or exception type, and its whole message."""
    if isinstance(error, Violation):
        return f"{error.kind}: {_whole(error.message)}"
    return f"{type_name(error)}: {_whole(said(error))}"


def type_name(error: BaseException) -> str:
    """Return the name of an exception's type, which its metaclass cannot hide."""
    return recordable(str(type.__dict__["__name__"].__get__(type(error))))


def said(error: BaseException) -> str:
    """Return the message of an exception, or a note if its message cannot be read, even if reading it would exit."""
    try:
        return recordable(str(error))
    except BaseException as unreadable:
        return f"(its message cannot be read: {type_name(unreadable)})"


def recordable(text: str) -> str:
    """Return a text that can be recorded: without memory addresses, encodable in UTF-8, and truncated if very long."""
    plain = re.sub(r"\b0x[0-9a-fA-F]{6,}", "0x...", text.encode("utf-8", "backslashreplace").decode("utf-8"))
    return plain if len(plain) <= _MOST else f"{plain[:_MOST]} ... ({len(plain) - _MOST} more characters)"


_MOST = 10_000
"""The length at which a message is truncated, in characters."""

_MOST_IN_SIGNATURE = 4_000
"""The length at which a message is truncated in a signature; patterns are matched with no longer message."""


def _whole(message: str) -> str:
    """Return a message as a signature has it: without space around it, and at most `_MOST_IN_SIGNATURE` characters."""
    plain = recordable(message).strip()
    if len(plain) > _MOST_IN_SIGNATURE:
        plain = f"{plain[:_MOST_IN_SIGNATURE]} ... ({len(plain) - _MOST_IN_SIGNATURE} more characters)"
    return plain or NO_MESSAGE


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
        return _stale(record, expected)
    for entry in expected:
        if entry.explains(record.signature):
            return replace(record, verdict=Verdict.KNOWN, reason=entry.reason, link=entry.link, defect=entry.id)
    return replace(record, message=f"{record.message} ({_unexplained(record.signature, expected)})")


def _unexplained(signature: str, expected: Iterable[Expectation]) -> str:
    """Return why none of the expected defects explains a failure, citing the nearest of them."""
    expected = tuple(expected)
    for entry in expected:
        if outgrown := entry.outgrown(signature):
            return f"{_of_amount(outgrown, signature)}: {entry.title} explains {outgrown!r}"
    for entry in expected:
        if part := entry.part(signature):
            return f"{entry.title} expects {part!r}, which is only a part of the message: write .* for the rest"
    first = expected[0]
    others = " or ".join(repr(signature) for signature in first.signatures[:3])
    return f"the expected failure is {others}" + (f", by {first.title}" if first.id else "")


def _of_amount(expected: str, seen: str) -> str:
    """Return why a failure that has the expected message is not explained: its amount."""
    found = amount(seen)
    if found is not None and Signature.parse(expected).is_unbounded:
        return f"its amount is not bounded, write (at most {found.wrong} of {found.total})"
    return "worse than expected"


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


def _stale(record: Record, entries: Sequence[Expectation]) -> Record:
    """Return the record of a cell that passed or was refused, which `entries` expected to fail."""
    first = entries[0]
    remedy = "remove the cell from the entry, or delete the entry" if first.id else "delete the expectation"
    by = f" by {' and '.join(entry.title for entry in entries)}" if first.id or len(entries) > 1 else ""
    return replace(
        record,
        verdict=Verdict.STALE,
        reason=first.reason,
        link=first.link,
        defect=first.id,
        message=f"expected to fail with {first.signatures[0]!r}{by}, but {record.verdict.value}: {remedy}",
    )
