"""Count the comparisons of a case, so that a loop over nothing does not pass.

Every assertion notes its subject, in the words of the message that it would raise. A parameter was compared if some
subject names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

_subjects: list[str] | None = None


def note(subject: str) -> None:
    """Note a comparison, if comparisons are counted now."""
    if _subjects is not None:
        _subjects.append(subject)


@contextmanager
def counting() -> Iterator[list[str]]:
    """Count the comparisons inside; yield the list that receives their subjects."""
    global _subjects
    before, _subjects = _subjects, []
    try:
        yield _subjects
    finally:
        _subjects = before


@contextmanager
def not_counting() -> Iterator[None]:
    """Do not count the comparisons inside: they only make sure that there is something to compare."""
    global _subjects
    before, _subjects = _subjects, None
    try:
        yield
    finally:
        _subjects = before


def named_in(subjects: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """Return the parameters of `names` that a subject names, in their order."""
    text = "\n".join(subjects)
    return tuple(name for name in names if re.search(rf"(?<![\w.]){re.escape(name)}(?!\w|\.\w)", text))
