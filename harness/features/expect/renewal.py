"""Renew entries: signatures as earlier versions accepted them, and those that explain nothing alone any more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from msgspec.structs import replace

from ...report.expectation import Expectation
from ...report.expectation_file import UNEXPLAINED
from ...report.pattern import pattern_of
from ...report.signature import Signature, TooBroad, first_line, is_within, parts, split
from .narrowing import narrow
from .seen import Seen


def renewed(entry: Expectation, runs: Iterable[Seen]) -> Expectation:
    """Return the entry with signatures that the reader accepts, for the failures that it explained before.

    Earlier versions accepted a kind alone, and searched a pattern anywhere in the first line of a message. A signature
    that explains a failure of the runs is kept. Any other one that would have explained failures by the earlier rules
    is replaced by one for each of their messages; if it is accepted today, and so may be about another failure, a
    person has to confirm the reason. One that is too broad and would have explained nothing gets `.*` around its
    pattern; if that is not enough, it is left.
    """
    failing = [
        seen for run in runs if run.name in entry.sparsifiers and entry.holds(run.declaration, run.environment)
        for cell, seen in run.failing.items() if entry.covers(cell)
    ]
    rows = {text: _renewed(text, failing) for text in entry.signatures}
    signatures = tuple(dict.fromkeys(one for row in rows.values() for one in row))
    is_confirmed = all(row == (text,) or not is_accepted(text) for text, row in rows.items())
    reason = entry.reason if is_confirmed else f"{UNEXPLAINED}, is it still so: {entry.reason}"
    return replace(entry, signatures=signatures, reason=reason)


def _renewed(text: str, failing: Sequence[str]) -> tuple[str, ...]:
    if is_accepted(text) and any(Signature.parse(text).matches(seen) for seen in failing):
        return (text,)
    if before := [seen for seen in failing if _explained_before(text, seen)]:
        return narrow(before)
    return (text,) if is_accepted(text) else (next(filter(is_accepted, _widened(text)), text),)


def _widened(text: str) -> Iterator[str]:
    """Yield the signature whose pattern matches every message in which the one of `text` was found before."""
    kind, pattern, wrong, total = parts(text)
    of = f" of {total}" if total is not None else ""
    bound = f" (at most {wrong}{of})" if wrong is not None else ""
    yield f"{kind}: .*{f'(?:{pattern})' if '|' in pattern else _without_anchors(pattern)}.*{bound}"


def _explained_before(text: str, seen: str) -> bool:
    """Return whether a signature explained a failure by the earlier rules."""
    kind, pattern, wrong, total = parts(text)
    seen_kind, message = split(first_line(seen))
    if seen_kind != kind or (wrong is not None and not is_within(seen, wrong, total)):
        return False
    with suppress(ValueError):
        return pattern_of(f".*(?:{_without_anchors(pattern)}).*").matches(message)
    return False


def _without_anchors(pattern: str) -> str:
    plain = pattern.removeprefix("^")
    return plain if plain.endswith("\\$") else plain.removesuffix("$")


def is_accepted(text: str) -> bool:
    """Return whether the reader of expectation files accepts a signature."""
    try:
        Signature.parse(text)
    except TooBroad:
        return False
    return True


def without_redundant(entries: Sequence[Expectation], by_name: Mapping[str, Seen]) -> list[Expectation | None]:
    """Return the entries without the sparsifiers and signatures for which they explain nothing alone.

    Of several entries that explain the same failures, the first is kept. An entry that is left without sparsifiers is
    None.
    """
    found: list[Expectation | None] = list(entries)
    for at, entry in reversed(list(enumerate(entries))):
        others = [one for place, one in enumerate(found) if one is not None and place != at]
        names = tuple(name for name in entry.sparsifiers if not _is_redundant(entry, others, by_name.get(name)))
        if names != entry.sparsifiers:
            found[at] = replace(entry, sparsifiers=names) if names else None
    return [entry and _without_idle_signatures(entry, by_name) for entry in found]


def _is_redundant(entry: Expectation, others: Iterable[Expectation], run: Seen | None) -> bool:
    """Return whether the other entries explain every failure of a run that `entry` explains."""
    if run is None or not entry.holds(run.declaration, run.environment):
        return False
    holding = [one for one in others if run.name in one.sparsifiers and one.holds(run.declaration, run.environment)]
    explained = run.explained(entry)
    return bool(explained) and all(
        any(one.covers(cell) and one.explains(run.failing[cell]) for one in holding) for cell in explained
    )


def _without_idle_signatures(entry: Expectation, by_name: Mapping[str, Seen]) -> Expectation:
    """Return the entry without signatures that explain nothing alone, if all its sparsifiers were judged."""
    runs = [by_name[name] for name in entry.sparsifiers if name in by_name]
    if len(runs) < len(entry.sparsifiers) or any(run.is_silent_on(entry) for run in runs):
        return entry
    seen = [run.failing[cell] for run in runs for cell in run.explained(entry)]
    kept = dict.fromkeys(filter(is_accepted, entry.signatures))
    for text in reversed(list(kept)):
        others = [Signature.parse(one) for one in kept if one != text]
        mine = [one for one in seen if Signature.parse(text).matches(one)]
        if others and all(any(other.matches(one) for other in others) for one in mine):
            del kept[text]
    broad = [text for text in entry.signatures if not is_accepted(text)]
    signatures = (*kept, *broad)
    return entry if set(signatures) == set(entry.signatures) else replace(entry, signatures=signatures)
