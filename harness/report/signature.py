"""Signatures: the description of a failure, and the pattern by which an expectation explains it."""

from __future__ import annotations

import re

from msgspec import Struct

from ..suggestions import quoted

_BOUND = re.compile(r"\s*\(at most (?P<wrong>\d+)(?: of (?P<total>\d+)(?: [a-z]+)?)?\)$")
_KIND = re.compile(r"[^\W\d][\w.-]*")
_EXCEPTION = re.compile(r"\b(?P<type>[A-Z]\w+(?:Error|Exception|Exit|Interrupt|Warning|Unsupported)): (?P<said>.*)")
_OWN_WORDS = re.compile(r"; (?:expected|look at) ")
"""The words after which the message of a mismatch continues, if it quotes an exception."""

AMOUNT = re.compile(r"(?<![\w.])(?P<seen>\d+) of (?:its )?(?P<total>\d+)\b(?:[^:;(]*?, expected (?P<expected>\d+)\b)?")
"""The amount in a message: `N of M`, optionally followed by the expected value of N."""

NAME = re.compile(r"\b[A-Za-z_]\w*(?:\.\w+)+")
"""The dotted name of a parameter, a buffer or a module."""

NUMBER = re.compile(r"(?<![A-Za-z_])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
"""A number that is not part of a name."""


class Amount(Struct, frozen=True):
    """The amount of a failure: `wrong` of `total` entries, units or channels."""

    wrong: int
    total: int

    def exceeds(self, other: Amount) -> bool:
        """Return whether the wrong share is larger than in `other`."""
        return self.wrong * other.total > other.wrong * self.total


class Signature(Struct, frozen=True):
    """A description of the failures that an expectation explains.

    It is written `KIND`, `KIND: PATTERN` or `KIND: PATTERN (at most 3 of 160 entries)`. The bound in parentheses is
    compared with the first `N of M` in the message, as a share, so that one entry can cover layers of several sizes.
    `(at most 3)` compares only the number. If the message continues with `expected E`, the amount is the difference
    between N and E.

    Attributes:
        kind: The kind of a mismatch (`mask-differs`) or the type of an exception (`RuntimeError`).
        pattern: A regular expression that is searched in the first line of the message.
        wrong: The bound on the amount; None if there is no bound.
        total: The total of the bound; None if the bound is on the number alone.
    """

    kind: str
    pattern: str = ""
    wrong: int | None = None
    total: int | None = None

    @classmethod
    def parse(cls, text: str) -> Signature:
        """Parse a signature.

        Raises:
            ValueError: The kind is missing or is none, the pattern is not a regular expression or matches every
                message, or the bound excludes nothing.
        """
        bound = _BOUND.search(text)
        kind, _, pattern = (text[: bound.start()] if bound else text).partition(": ")
        if not kind.strip():
            raise ValueError("a signature may not be empty; write the kind that the report shows, such as mask-differs")
        if not _KIND.fullmatch(kind):
            hint = "write the kind that the report shows before the colon, such as mask-differs"
            raise ValueError(f"{quoted(kind)} in {quoted(text)} is not the kind of a failure; {hint}")
        _check_pattern(pattern, text)
        if bound is None:
            return cls(kind, pattern)
        total = int(bound["total"]) if bound["total"] else None
        if total and int(bound["wrong"]) > total:
            raise ValueError(f"the bound of {quoted(text)} is more than its total, and so no bound")
        if total == 0:
            raise ValueError(f"the bound of {quoted(text)} has the total 0; write the total that the report shows")
        return cls(kind, pattern, int(bound["wrong"]), total)

    def matches(self, seen: str) -> bool:
        """Return whether a failure has this kind, matches the pattern and stays within the bound."""
        return self.describes(seen) and self._is_within(seen)

    def describes(self, seen: str) -> bool:
        """Return whether a failure has this kind and matches the pattern, whatever its amount."""
        kind, _, message = seen.partition(": ")
        return kind == self.kind and re.search(self.pattern, message) is not None

    def _is_within(self, seen: str) -> bool:
        if self.wrong is None:
            return True
        found = amount(seen)
        if found is None:
            return False
        return found.wrong <= self.wrong if self.total is None else not found.exceeds(Amount(self.wrong, self.total))


def _check_pattern(pattern: str, text: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"the pattern of {quoted(text)} is not a regular expression: {error}") from None
    if pattern and re.search(pattern, ""):
        raise ValueError(f"the pattern of {quoted(text)} matches every message; name a tensor, or write the kind alone")


def amount(signature: str) -> Amount | None:
    """Return the amount in a failure's signature, or None if it has none."""
    found = AMOUNT.search(signature.partition(": ")[2])
    if found is None:
        return None
    seen, expected = int(found["seen"]), found["expected"]
    return Amount(abs(seen - int(expected)) if expected else seen, int(found["total"]))


def cause(signature: str) -> str:
    """Return a signature without numbers, names and paths, which failures of the same cause share.

    If a mismatch quotes an exception, only the type and message of the exception count, not the call that raised it.
    """
    kind, _, message = signature.partition(": ")
    if quoted := quoted_exception(signature):
        return f"{kind}: {_without_particulars(quoted)}"
    found = AMOUNT.search(message)
    return f"{kind}: {_without_particulars(message[: found.start()] if found else message)}"


def quoted_exception(signature: str) -> str:
    """Return the exception that a mismatch quotes, as `Type: message`, or an empty string."""
    kind, _, message = signature.partition(": ")
    found = None if is_exception(kind) else _EXCEPTION.search(message)
    return f"{found['type']}: {_OWN_WORDS.split(found['said'])[0]}" if found else ""


def is_exception(kind: str) -> bool:
    """Return whether a signature's kind is the type of an exception and not the kind of a mismatch."""
    return kind[:1].isupper()


def _without_particulars(message: str) -> str:
    plain = NUMBER.sub("#", NAME.sub("NAME", re.sub(r"\S*[/\\]\S*", "...", message)))
    return re.sub(r"([\"']?NAME[\"']?)(, \1)+", r"\1", plain).strip()
