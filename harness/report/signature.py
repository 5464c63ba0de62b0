"""Signatures of failures: what a failure looks like, and what an expectation accepts. No torch here."""

from __future__ import annotations

import re

from msgspec import Struct

_BOUND = re.compile(r"\s*\(at most (?P<wrong>\d+)(?: of (?P<total>\d+)(?: [a-z]+)?)?\)$")
_EXCEPTION = re.compile(r"\b(?P<type>[A-Z]\w+(?:Error|Exception|Exit|Interrupt|Warning|Unsupported)): (?P<said>.*)")
_OWN_WORDS = re.compile(r"; (?:expected|look at) ")
"""Where the message of a mismatch goes on after an exception that it quotes."""

AMOUNT = re.compile(r"(?<![\w.])(?P<seen>\d+) of (?:its )?(?P<total>\d+)\b(?:[^:;(]*?, expected (?P<expected>\d+)\b)?")
"""How much is wrong, as messages say it: `N of M`, and the number expected if it is N that is compared with it."""

NAME = re.compile(r"\b[A-Za-z_]\w*(?:\.\w+)+")
"""The dotted name of a parameter, a buffer or a module."""

NUMBER = re.compile(r"(?<![A-Za-z_])-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
"""A number that is not part of a name."""


class Amount(Struct, frozen=True):
    """How much of a tensor is wrong: `wrong` of `total` entries, units or channels."""

    wrong: int
    total: int

    def exceeds(self, other: Amount) -> bool:
        """Return whether a larger share is wrong than in `other`."""
        return self.wrong * other.total > other.wrong * self.total


class Signature(Struct, frozen=True):
    """The failures that an expectation explains.

    Written `KIND`, `KIND: PATTERN` or `KIND: PATTERN (at most 3 of 160 entries)`. KIND is the kind of a mismatch
    (`mask-differs`) or the type of an exception (`RuntimeError`). PATTERN is a regular expression that is searched in
    the first line of the message. The bound is compared with the first `N of M` in that line, as a share, so that one
    entry can cover layers of several sizes; `(at most 3)` compares the number alone. Where the message says
    `N of M ..., expected E`, the amount is the difference between N and E.

    total: None if the bound is on the number alone.
    """

    kind: str
    pattern: str = ""
    wrong: int | None = None
    total: int | None = None

    @classmethod
    def parse(cls, text: str) -> Signature:
        """Return the signature written as `text`.

        Raises:
            ValueError: It has no kind, its pattern is not a regular expression, or its bound is on nothing.
        """
        bound = _BOUND.search(text)
        kind, _, pattern = (text[: bound.start()] if bound else text).partition(": ")
        if not kind.strip():
            raise ValueError("a signature may not be empty; write the kind that the report shows, such as mask-differs")
        _check_pattern(pattern, text)
        if bound is None:
            return cls(kind, pattern)
        total = int(bound["total"]) if bound["total"] else None
        if total == 0:
            raise ValueError(f"the bound of {text!r} is a share of 0; write how many there are, as in the report")
        return cls(kind, pattern, int(bound["wrong"]), total)

    def matches(self, seen: str) -> bool:
        """Return whether the failure `seen` is of this kind, has these words and stays within the bound."""
        return self.describes(seen) and self._is_within(seen)

    def describes(self, seen: str) -> bool:
        """Return whether the failure `seen` is of this kind and has these words, whatever its extent."""
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
        raise ValueError(f"the pattern of {text!r} is not a regular expression: {error}") from None


def amount(signature: str) -> Amount | None:
    """Return how much is wrong by the first `N of M` in a failure's signature; None if it does not say."""
    found = AMOUNT.search(signature.partition(": ")[2])
    if found is None:
        return None
    seen, expected = int(found["seen"]), found["expected"]
    return Amount(abs(seen - int(expected)) if expected else seen, int(found["total"]))


def cause(signature: str) -> str:
    """Return a signature without numbers, names and places: failures of one cause have the same.

    Of an exception that a mismatch quotes, only its type and message count, and not which call raised it.
    """
    kind, _, message = signature.partition(": ")
    if quoted := quoted_exception(signature):
        return f"{kind}: {_without_particulars(quoted)}"
    found = AMOUNT.search(message)
    return f"{kind}: {_without_particulars(message[: found.start()] if found else message)}"


def quoted_exception(signature: str) -> str:
    """Return the exception that a mismatch quotes, as `Type: message`; an empty string if it quotes none."""
    kind, _, message = signature.partition(": ")
    found = None if is_exception(kind) else _EXCEPTION.search(message)
    return f"{found['type']}: {_OWN_WORDS.split(found['said'])[0]}" if found else ""


def is_exception(kind: str) -> bool:
    """Return whether a signature's kind is the type of an exception and not the kind of a mismatch."""
    return kind[:1].isupper()


def _without_particulars(message: str) -> str:
    plain = NUMBER.sub("#", NAME.sub("NAME", re.sub(r"\S*[/\\]\S*", "...", message)))
    return re.sub(r"([\"']?NAME[\"']?)(, \1)+", r"\1", plain).strip()
