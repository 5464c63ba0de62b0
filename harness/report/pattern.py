"""Patterns of messages: a subset of regular expressions that is matched with a whole message, in linear time.

A pattern has literal text, `.` (any character, line breaks included), classes, groups, alternatives and repetitions.
Whatever else `re` knows (anchors, look-around, back-references, flags) is refused, so that matching never backtracks:
its time is at most the length of the message times the size of the pattern.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, lru_cache
from importlib import import_module
from typing import Any

LEAST = 4
"""The number of letters and digits that a pattern with wildcards must spell out in a row."""

_LONGEST, _LARGEST = 2_000, 2_000
"""The limits on the length of a pattern, and on its size once its counted repetitions are written out."""

_DEEPEST, _TOO_DEEP = 50, "is nested too deeply"

_parser: Any = import_module("re._parser" if sys.version_info >= (3, 11) else "sre_parse")
_Items = Sequence[tuple[Any, Any]]
_Test = Callable[[str], bool]

_CATEGORIES: dict[str, _Test] = {
    "CATEGORY_DIGIT": str.isdecimal, "CATEGORY_NOT_DIGIT": lambda one: not one.isdecimal(),
    "CATEGORY_SPACE": str.isspace, "CATEGORY_NOT_SPACE": lambda one: not one.isspace(),
    "CATEGORY_WORD": lambda one: one.isalnum() or one == "_",
    "CATEGORY_NOT_WORD": lambda one: not (one.isalnum() or one == "_"),
}
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT")
_SINGLE = ("LITERAL", "NOT_LITERAL", "ANY", "IN")


class UnsupportedPattern(ValueError):
    """Raised if a regular expression is too large, or uses a construct that is not supported."""


class Pattern:
    """A pattern that can be matched with messages.

    Attributes:
        text: The pattern as it is written.
    """

    def __init__(self, text: str) -> None:
        """Parse a pattern.

        Raises:
            UnsupportedPattern: It is too large, or uses a construct that is not supported.
            ValueError: It is not a regular expression.
        """
        self.text = text
        self._items = _parsed(text)
        _check_constructs(self._items)
        if _size(self._items) > _LARGEST:
            raise UnsupportedPattern(f"has more than {_LARGEST} parts once its repetitions are written out; shorten it")

    @cached_property
    def is_literal(self) -> bool:
        """Return whether the pattern matches one message alone."""
        return all(str(op) == "LITERAL" for op, _ in self._items)

    @cached_property
    def spelled(self) -> int:
        """Return how many letters and digits in a row are spelled out in every message that the pattern matches."""
        return _run(self._items).best

    def matches(self, message: str) -> bool:
        """Return whether the pattern matches the whole message."""
        return self._automaton.accepts(message)

    @cached_property
    def _automaton(self) -> _Automaton:
        return _Automaton(self._items)


@lru_cache(maxsize=512)
def pattern_of(text: str) -> Pattern:
    """Return the pattern with this text.

    Raises:
        ValueError: As for `Pattern`.
    """
    return Pattern(text)


def _parsed(text: str) -> _Items:
    if len(text) > _LONGEST:
        raise UnsupportedPattern(f"is longer than {_LONGEST} characters; shorten it, with .* for the rest")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed = _parser.parse(text)
    except (re.error, OverflowError) as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    except RecursionError:
        raise UnsupportedPattern(_TOO_DEEP) from None
    if parsed.state.flags & ~re.UNICODE:
        raise UnsupportedPattern("sets a flag, which is not supported; write (A|a) for both cases of a letter")
    items: _Items = parsed.data
    return items


def _check_constructs(items: _Items, depth: int = 0) -> None:
    """Check that only supported constructs are used.

    Raises:
        UnsupportedPattern: One is not supported, or they are nested too deeply.
    """
    if depth > _DEEPEST:
        raise UnsupportedPattern(_TOO_DEEP)
    for op, value in items:
        name = str(op)
        if name == "AT":
            raise UnsupportedPattern("has an anchor (^, $ or \\b); it is always matched with the whole message")
        if name not in (*_SINGLE, *_REPEATS, "BRANCH", "SUBPATTERN") or (name == "SUBPATTERN" and any(value[1:3])):
            construct = name.lower().replace("_", " ")
            allowed = "use text, classes, groups, | and repetitions"
            raise UnsupportedPattern(f"has a construct that is not supported ({construct}); {allowed}")
        for inner in _inner(name, value):
            _check_constructs(inner, depth + 1)


def _inner(name: str, value: Any) -> Iterable[_Items]:
    """Return the sequences inside an item."""
    if name == "BRANCH":
        return [branch.data for branch in value[1]]
    if name == "SUBPATTERN":
        return [value[3].data]
    return [value[2].data] if name in _REPEATS else []


def _bounds(value: Any) -> tuple[int, int | None]:
    """Return the bounds of a repetition; the upper one is None if there is none."""
    return int(value[0]), None if value[1] is _parser.MAXREPEAT else int(value[1])


def _size(items: _Items) -> int:
    """Return the number of states that the items need."""
    total = 0
    for op, value in items:
        name = str(op)
        parts = sum(_size(inner) for inner in _inner(name, value))
        if name in _REPEATS:
            least, most = _bounds(value)
            total += (parts + 1) * (least + 1 if most is None else most)
        else:
            total += parts + 1
    return total


class _Run:
    """The literal text in every match of a sequence: at its start, at its end, and the longest stretch.

    Attributes:
        start: The letters and digits spelled out before the first wildcard.
        best: Those of the longest stretch without a wildcard.
        end: Those after the last wildcard.
        is_whole: Whether there is no wildcard.
    """

    def __init__(self, start: int, best: int, end: int, is_whole: bool) -> None:
        self.start, self.best, self.end, self.is_whole = start, best, end, is_whole

    def then(self, other: _Run) -> _Run:
        """Return the literal text of this sequence followed by another."""
        return _Run(
            self.start + other.start if self.is_whole else self.start,
            max(self.best, other.best, self.end + other.start),
            self.end + other.end if other.is_whole else other.end,
            self.is_whole and other.is_whole,
        )


def _run(items: _Items) -> _Run:
    found = _Run(0, 0, 0, True)
    for op, value in items:
        found = found.then(_run_of(str(op), value))
    return found


def _run_of(name: str, value: Any) -> _Run:
    """Return the literal text of one item.

    A choice between alternatives ends a stretch, so that many short ones in a row, which match almost anything, do not
    count as one; and a repetition counts once.
    """
    if name == "LITERAL":
        count = int(chr(value).isalnum())
        return _Run(count, count, count, True)
    if name == "SUBPATTERN":
        return _run(value[3].data)
    if name == "BRANCH":
        return _Run(0, min(_run(one).best for one in _inner(name, value)), 0, False)
    least = _bounds(value)[0] if name in _REPEATS else 0
    return _run(value[2].data) if least else _Run(0, 0, 0, False)


class _Automaton:
    """A nondeterministic automaton whose sets of states are built, and remembered, while it reads."""

    _MANY = 2_000
    """The number of steps that are remembered."""

    def __init__(self, items: _Items) -> None:
        self._tests: list[_Test | None] = [None]
        self._next: list[tuple[int, ...]] = [()]
        self._steps: dict[tuple[frozenset[int], str], frozenset[int]] = {}
        self._start = self._closure([self._sequence(items, 0)])

    def accepts(self, text: str) -> bool:
        """Return whether the automaton is in its final state, 0, after reading all of `text`."""
        states = self._start
        for one in text:
            if not states:
                return False
            key = states, one
            if key not in self._steps:
                if len(self._steps) >= self._MANY:
                    self._steps.clear()
                self._steps[key] = self._step(states, one)
            states = self._steps[key]
        return 0 in states

    def _step(self, states: frozenset[int], one: str) -> frozenset[int]:
        reached = set[int]()
        for state in states:
            test = self._tests[state]
            if test is not None and test(one):
                reached.update(self._next[state])
        return self._closure(reached)

    def _closure(self, states: Iterable[int]) -> frozenset[int]:
        """Return the states that read a character, and the final one, that can be reached without reading."""
        seen, waiting = set[int](), list(states)
        while waiting:
            state = waiting.pop()
            if state not in seen:
                seen.add(state)
                if self._tests[state] is None:
                    waiting += self._next[state]
        return frozenset(state for state in seen if self._tests[state] is not None or state == 0)

    def _add(self, test: _Test | None, *following: int) -> int:
        self._tests.append(test)
        self._next.append(following)
        return len(self._tests) - 1

    def _sequence(self, items: _Items, following: int) -> int:
        """Add the states of a sequence that continues at `following`, and return its first state."""
        for op, value in reversed(items):
            following = self._item(str(op), value, following)
        return following

    def _item(self, name: str, value: Any, following: int) -> int:
        if name in _SINGLE:
            return self._add(_test(name, value), following)
        inner = list(_inner(name, value))
        if name in _REPEATS:
            return self._repeat(inner[0], *_bounds(value), following)
        return self._add(None, *(self._sequence(one, following) for one in inner))

    def _repeat(self, body: _Items, least: int, most: int | None, following: int) -> int:
        first = following
        if most is None:
            first = self._add(None)
            self._next[first] = (self._sequence(body, first), following)
        for _ in range((most or 0) - least):
            first = self._add(None, self._sequence(body, first), following)
        for _ in range(least):
            first = self._sequence(body, first)
        return first


def _test(name: str, value: Any) -> _Test:
    """Return the test of one character."""
    if name == "ANY":
        return lambda one: True
    if name == "IN":
        return _class(value)
    literal = chr(value)
    return literal.__eq__ if name == "LITERAL" else literal.__ne__


def _class(items: _Items) -> _Test:
    is_negated = str(items[0][0]) == "NEGATE"
    tests = [_member(str(op), value) for op, value in items[is_negated:]]
    return lambda one: any(test(one) for test in tests) is not is_negated


def _member(name: str, value: Any) -> _Test:
    if name == "RANGE":
        low, high = chr(value[0]), chr(value[1])
        return lambda one: low <= one <= high
    return _CATEGORIES[str(value)] if name == "CATEGORY" else chr(value).__eq__
