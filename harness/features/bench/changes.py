"""What a gate found, in plain text: the verdict first, then all that is not steady."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ...values.timing import Ratio
from .compare import Change, Standing

_ORDER = list(Standing)


def verdict(changes: Sequence[Change]) -> str:
    """One line: passed or failed, and how many stand how."""
    counted = Counter(change.standing for change in changes)
    told = ", ".join(f"{counted[standing]} {standing.value}" for standing in Standing if counted[standing])
    if any(standing.is_red for standing in counted):
        return f"FAILED: {told}"
    is_compared = set(counted) - {Standing.NEW, Standing.UNLIKE}
    return f"PASSED: {told}" if is_compared else f"NOTHING COMPARED: {told or 'no entry at all'}"


def changes_told(changes: Sequence[Change]) -> Iterator[str]:
    """The verdict, and a line for each entry that is not steady or new."""
    yield verdict(changes)
    told = [change for change in changes if change.standing not in (Standing.STEADY, Standing.NEW)]
    for change in sorted(told, key=lambda one: (not one.standing.is_red, _ORDER.index(one.standing), one.entry)):
        parts = (change.standing.value.upper(), change.entry.id, ratio_told(change.ratio), change.message)
        yield "  " + ": ".join(filter(None, parts))


def ratio_told(ratio: Ratio | None) -> str:
    return f"{ratio.median:.3g} [{ratio.low:.3g}, {ratio.high:.3g}]" if ratio else ""
