"""Count the comparisons of a case, so that a loop over nothing does not pass.

Every assertion notes its subject, in the words of the message that it would raise. A parameter was compared if some
subject names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

_counts: list[list[str] | None] = []
"""The lists that are being filled, the innermost last; None where comparisons do not count.

No global name is set, since the check for replaced parts of the harness takes place after every such change.
"""


def note(subject: str) -> None:
    """Note a comparison, if comparisons are counted now."""
    if _counts and (subjects := _counts[-1]) is not None:
        subjects.append(subject)


@contextmanager
def counting() -> Iterator[list[str]]:
    """Count the comparisons inside; yield the list that receives their subjects."""
    subjects = list[str]()
    _counts.append(subjects)
    try:
        yield subjects
    finally:
        _counts.pop()


@contextmanager
def not_counting() -> Iterator[None]:
    """Do not count the comparisons inside: they only make sure that there is something to compare."""
    _counts.append(None)
    try:
        yield
    finally:
        _counts.pop()


def named_in(subjects: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """Return the parameters of `names` that a subject names, in their order."""
    text = "\n".join(subjects)
    return tuple(name for name in names if re.search(rf"(?<![\w.]){re.escape(name)}(?!\w|\.\w)", text))
