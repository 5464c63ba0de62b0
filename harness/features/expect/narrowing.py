"""Derive expected signatures from failures, as narrow as these failures.

The signature for an exception has its type and the common beginning of all messages, with any numbers. The signature
for a mismatch has its kind, the tensor, and a bound on the amount. Amounts vary a little between versions of torch,
because sums are rounded differently. The bound therefore leaves a margin of a tenth, and is exact below ten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import takewhile

from ...report.signature import AMOUNT, NAME, Amount, Signature, amount, is_exception, quoted_exception

_ANY = "\0"
"""A placeholder for any number."""

_MOST = 6
"""The maximum number of signatures of an entry. With more, it gets one with the common words of all failures."""


def narrow(signatures: Sequence[str]) -> tuple[str, ...]:
    """Return expected signatures that match all failures of one kind, and as little else as possible."""
    kind = signatures[0].partition(": ")[0]
    by_pattern: dict[str, list[str]] = {}
    for signature in signatures:
        by_pattern.setdefault(_pattern(signature), []).append(signature)
    if is_exception(kind) or any(quoted_exception(one) for one in signatures) or len(by_pattern) > _MOST:
        by_pattern = {_shared(signatures): list(signatures)}
    found = tuple(_written(kind, pattern, those) for pattern, those in by_pattern.items())
    return found if _match(found, signatures) else (kind,)


def _pattern(signature: str) -> str:
    """Return the words of a mismatch up to the name of its tensor, or an empty string if it names none."""
    message = signature.partition(": ")[2]
    found = AMOUNT.search(message)
    names = [one for one in NAME.finditer(message[: found.start()] if found else message) if not _is_of_python(one[0])]
    if not names:
        return ""
    name = names[-1 if found else 0]
    start = message.rfind(": ", 0, name.start())
    return _escaped(message[start + 2 if start >= 0 else 0 : name.end()].lstrip("\"'"))


def _is_of_python(name: str) -> bool:
    return name.partition(".")[0] in ("torch", "numpy", "collections")


def _shared(signatures: Sequence[str]) -> str:
    """Return a pattern for the common beginning of all messages, with any numbers."""
    messages = [quoted_exception(one) or one.partition(": ")[2] for one in signatures]
    letters = zip(*(re.sub(r"\b\d+\b", _ANY, message) for message in messages), strict=False)
    start = "".join(same[0] for same in takewhile(lambda these: len(set(these)) == 1, letters)).strip()
    return _escaped(start).replace(_ANY, r"\d+")


def _escaped(text: str) -> str:
    """Return a pattern for a text. Dots in names are not escaped, so that the pattern stays readable."""
    plain = re.sub(r"[\\^$*+?{}\[\]|()]", r"\\\g<0>", text)
    return re.sub(r"(?<!\w)\.|\.(?!\w)", r"\\.", plain)


def _written(kind: str, pattern: str, signatures: Iterable[str]) -> str:
    plain = f"{kind}: {pattern}" if pattern else kind
    return plain if is_exception(kind) else plain + _bound(signatures)


def _bound(signatures: Iterable[str]) -> str:
    """Return a bound on the largest wrong share, or an empty string if a failure has no amount."""
    found = [amount(one) for one in signatures]
    amounts = [one for one in found if one is not None and one.total]
    if not amounts or len(amounts) < len(found):
        return ""
    worst = amounts[0]
    for one in amounts:
        worst = one if one.exceeds(worst) else worst
    return f" (at most {_with_margin(worst)} of {worst.total})"


def _with_margin(worst: Amount) -> int:
    return min(worst.wrong + worst.wrong // 10, worst.total)


def _match(found: Iterable[str], signatures: Iterable[str]) -> bool:
    expected = [Signature.parse(one) for one in found]
    return all(any(one.matches(signature) for one in expected) for signature in signatures)
