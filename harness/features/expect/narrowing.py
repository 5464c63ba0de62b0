"""Derive expected signatures from failures: one per distinct message, with any numbers.

Amounts vary a little between versions of torch, because sums are rounded differently. The bound on the amount of a
mismatch therefore leaves a margin of a tenth, and is exact below ten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ...report.signature import NAME, Amount, Signature, amount, is_exception, split

_NUMBER = re.compile(r"(?<![\w.])-?\d+(?P<rest>(?:\.\d+)?(?:e[+-]?\d+)?)(?!\w)")
_PATH = re.compile(r"(?<![^\s\"'`(=])/[^\s\"'`()/]+/[^\s\"'`()]*")
_TOKEN = re.compile(f"(?P<path>{_PATH.pattern})|(?P<name>{NAME.pattern})|(?P<number>{_NUMBER.pattern})")

_LONGEST, _HEAD = 1_000, 400
"""Of a message that is longer than the first, the pattern has about as many characters as the second, and `.*`."""


def narrow(signatures: Sequence[str]) -> tuple[str, ...]:
    """Return expected signatures that match all failures of one kind, and no message that differs in its words."""
    by_pattern: dict[tuple[str, str], list[str]] = {}
    for signature in signatures:
        kind, message = split(signature)
        by_pattern.setdefault((kind, _pattern(message)), []).append(signature)
    found: dict[str, None] = {}
    for (kind, pattern), those in by_pattern.items():
        general = f"{kind}: {pattern}{'' if is_exception(kind) else _bound(those)}"
        found.update(dict.fromkeys([general] if _match(general, those) else map(_exactly, those)))
    return tuple(found)


def _pattern(message: str) -> str:
    """Return a pattern for a message in which numbers and paths may be others."""
    if len(message) <= _LONGEST:
        return _generalized(message)
    return _generalized(message[:_HEAD].rpartition(" ")[0]) + " .*"


def _generalized(message: str) -> str:
    parts, end = [], 0
    for found in _TOKEN.finditer(message):
        parts += [_escaped(message[end : found.start()]), _any(found)]
        end = found.end()
    return "".join([*parts, _escaped(message[end:])])


def _any(found: re.Match[str]) -> str:
    """Return the pattern for a path or a number. The name of a tensor stands for itself."""
    if found["name"]:
        return _escaped(found[0])
    if found["path"]:
        return r"\S+"
    if found["rest"]:
        return r"-?\d[-+.\de]*"
    return r"-\d+" if found[0].startswith("-") else r"\d+"


def _escaped(text: str) -> str:
    """Return the pattern that matches a text alone."""
    return re.sub(r"[\\^$*+?{}\[\]|().]", r"\\\g<0>", text)


def _exactly(signature: str) -> str:
    """Return the expected signature of one message, with its numbers."""
    kind, message = split(signature)
    return f"{kind}: {_escaped(message)}"


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


def _match(text: str, signatures: Iterable[str]) -> bool:
    """Return whether a signature is accepted by the reader, and matches all of `signatures`."""
    try:
        expected = Signature.parse(text)
    except ValueError:
        return False
    return all(expected.matches(signature) for signature in signatures)
