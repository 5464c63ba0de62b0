"""Signatures: the description of a failure, and the pattern by which an expectation explains it."""

from __future__ import annotations

import re
from contextlib import suppress

from msgspec import Struct

from ..suggestions import quoted
from .pattern import LEAST, Pattern, UnsupportedPattern, pattern_of

NO_MESSAGE = "(no message)"
"""The message in the signature of an exception that has none."""

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


class TooBroad(ValueError):
    """Raised if a signature, as earlier versions accepted it, could hide another failure."""


class Signature(Struct, frozen=True):
    """A description of the failures that an expectation explains.

    It is written `KIND: PATTERN` or `KIND: PATTERN (at most 3 of 160 entries)`. The pattern matches the whole message,
    all its lines; `.*` stands for anything. The bound in parentheses is compared with the first `N of M` in the
    message, as a share, so that one entry can cover layers of several sizes. `(at most 3)` compares only the number. If
    the message continues with `expected E`, the amount is the difference between N and E. A mismatch whose message has
    an amount is explained only within a bound, unless the pattern has no wildcard.

    Attributes:
        kind: The kind of a mismatch (`mask-differs`) or the type of an exception (`RuntimeError`).
        pattern: A pattern for the whole message, as in `Pattern`. Without wildcards it is the message; otherwise it
            spells out at least `LEAST` letters or digits in a row, in each of its alternatives.
        wrong: The bound on the amount; None if there is no bound.
        total: The total of the bound; None if the bound is on the number alone.
    """

    kind: str
    pattern: str
    wrong: int | None = None
    total: int | None = None

    @classmethod
    def parse(cls, text: str) -> Signature:
        """Parse a signature.

        Raises:
            TooBroad: The pattern is missing, spells out too little, or has a construct that is not supported.
            ValueError: The kind is missing or is none, the pattern is not a regular expression, or the bound excludes
                nothing.
        """
        kind, pattern, wrong, total = parts(text)
        _check_pattern(pattern, text)
        return cls(kind, pattern, wrong, total)

    def matches(self, seen: str) -> bool:
        """Return whether a failure has this kind, matches the pattern and stays within the bound."""
        return self.describes(seen) and self._is_within(seen)

    def describes(self, seen: str) -> bool:
        """Return whether a failure has this kind and matches the pattern, whatever its amount."""
        kind, message = split(seen)
        return kind == self.kind and self._pattern.matches(message)

    def occurs_in(self, seen: str) -> bool:
        """Return whether a failure has this kind, and the pattern matches a part of its message."""
        kind, message = split(seen)
        with suppress(ValueError):
            return kind == self.kind and pattern_of(f".*(?:{self.pattern}).*").matches(message)
        return False

    @property
    def _pattern(self) -> Pattern:
        return pattern_of(self.pattern)

    @property
    def is_unbounded(self) -> bool:
        """Return whether the signature would explain a mismatch of any amount."""
        return self.wrong is None and not is_exception(self.kind) and not self._pattern.is_literal

    def _is_within(self, seen: str) -> bool:
        if self.wrong is None:
            return amount(seen) is None or not self.is_unbounded
        return is_within(seen, self.wrong, self.total)


def is_within(seen: str, wrong: int, total: int | None) -> bool:
    """Return whether the amount of a failure is within a bound; a failure without an amount is within none."""
    found = amount(seen)
    if found is None:
        return False
    return found.wrong <= wrong if total is None else not found.exceeds(Amount(wrong, total))


def parts(text: str) -> tuple[str, str, int | None, int | None]:
    """Split a signature into kind, pattern, and the number and total of its bound.

    Raises:
        ValueError: The kind is missing or is none, or the bound excludes nothing.
    """
    bound = _BOUND.search(text)
    kind, _, pattern = (text[: bound.start()] if bound else text).partition(": ")
    if not kind.strip():
        raise ValueError("a signature may not be empty; write the kind that the report shows, such as mask-differs")
    if not _KIND.fullmatch(kind):
        hint = "write the kind that the report shows before the colon, such as mask-differs"
        raise ValueError(f"{quoted(kind)} in {quoted(text)} is not the kind of a failure; {hint}")
    if bound is None:
        return kind, pattern, None, None
    wrong, total = int(bound["wrong"]), int(bound["total"]) if bound["total"] else None
    if total and wrong > total:
        raise ValueError(f"the bound of {quoted(text)} is more than its total, and so no bound")
    if total == 0:
        raise ValueError(f"the bound of {quoted(text)} has the total 0; write the total that the report shows")
    return kind, pattern, wrong, total


def _check_pattern(text: str, signature: str) -> None:
    """Check that a pattern can be matched, and does not match too much.

    Raises:
        TooBroad: It does not follow the rules of patterns.
        ValueError: It is not even a regular expression.
    """
    if not text.strip():
        hint = "add the message after a colon, with .* where it varies"
        raise TooBroad(f"{quoted(signature)} explains every failure of its kind; {hint}")
    try:
        pattern = pattern_of(text)
    except UnsupportedPattern as error:
        raise TooBroad(f"the pattern of {quoted(signature)} {error}") from None
    except ValueError as error:
        raise ValueError(f"the pattern of {quoted(signature)} {error}") from None
    if not pattern.is_literal and pattern.spelled < LEAST:
        hint = "in a row, in each alternative; write more of the message"
        raise TooBroad(f"the pattern of {quoted(signature)} spells out fewer than {LEAST} letters or digits {hint}")


def split(seen: str) -> tuple[str, str]:
    """Split the signature of a failure into its kind and its message; in an older report, the message may be empty."""
    kind, _, message = seen.partition(": ")
    return kind, message or NO_MESSAGE


_LONGEST = 4_000
"""The number of characters of a signature in which amounts and causes are looked for."""


def amount(signature: str) -> Amount | None:
    """Return the amount in a failure's signature, or None if it has none."""
    found = AMOUNT.search(signature.partition(": ")[2][:_LONGEST])
    if found is None:
        return None
    seen, expected = int(found["seen"]), found["expected"]
    return Amount(abs(seen - int(expected)) if expected else seen, int(found["total"]))


def cause(signature: str) -> str:
    """Return the first line of a signature without numbers, names and paths, which failures of one cause share.

    If a mismatch quotes an exception, only the type and message of the exception count, not the call that raised it.
    """
    signature = first_line(signature[:_LONGEST])
    kind, _, message = signature.partition(": ")
    if quoted := quoted_exception(signature):
        return f"{kind}: {_without_particulars(quoted)}"
    found = AMOUNT.search(message)
    return f"{kind}: {_without_particulars(message[: found.start()] if found else message)}"


def first_line(signature: str) -> str:
    """Return a signature with the first line of its message only, at most 500 characters of it."""
    kind, _, message = signature.partition(": ")
    lines = message.splitlines()
    return f"{kind}: {lines[0][:500]}" if lines else signature


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
