"""Render timings, and the result of a gate, as plain text for the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ...values.timing import Comparison, Ratio, State, Timing
from .compare import Change, Standing

_COLUMNS: tuple[Comparison, ...] = ("self", "floor", "dense", "exemplar", "rival")
_HEAD = ("sparsifier", "operation", "size", "device", "median us", *(f"/ {name}" for name in _COLUMNS))
_WORDS = 4
_ORDER = list(Standing)


def verdict(changes: Sequence[Change]) -> str:
    """Return one line: passed or failed, and the number of entries per result."""
    counted = Counter(change.standing for change in changes)
    counts = ", ".join(f"{counted[standing]} {standing.value}" for standing in Standing if counted[standing])
    if any(standing.is_red for standing in counted):
        return f"FAILED: {counts}"
    is_compared = set(counted) - {Standing.NEW, Standing.UNLIKE}
    return f"PASSED: {counts}" if is_compared else f"NOTHING COMPARED: {counts or 'no entry at all'}"


def render_changes(changes: Sequence[Change]) -> Iterator[str]:
    """Yield the verdict, then a line for each entry that is neither steady nor new, red ones first."""
    yield verdict(changes)
    shown = [change for change in changes if change.standing not in (Standing.STEADY, Standing.NEW)]
    for change in sorted(shown, key=lambda one: (not one.standing.is_red, _ORDER.index(one.standing), one.entry)):
        parts = (change.standing.value.upper(), change.entry.id, render_ratio(change.ratio), change.message)
        yield "  " + ": ".join(filter(None, parts))


def render_ratio(ratio: Ratio | None) -> str:
    """Return a ratio as `median [low, high]`, or an empty string."""
    return f"{ratio.median:.3g} [{ratio.low:.3g}, {ratio.high:.3g}]" if ratio else ""


def render_table(timings: Sequence[Timing]) -> Iterator[str]:
    """Yield a table with one line per planned entry, a legend, and the entries that raised or were not timed."""
    rows = [_HEAD, *(_row(timing) for timing in timings)]
    widths = [max(len(row[column]) for row in rows if len(row) == len(_HEAD)) for column in range(len(_HEAD))]
    for row in rows:
        yield _line(row, widths)
    yield ""
    yield "us: microseconds of one processor thread. / x: time over the time of x, median [98 % confidence interval]."
    yield "self: the noise; floor: the least possible work; dense: the dense model; rival: the other version."
    yield from _missing(timings)


def _missing(timings: Sequence[Timing]) -> Iterator[str]:
    """Yield the entries that raised or were not timed, those with one cause together."""
    causes: dict[tuple[str, State, str], list[Timing]] = {}
    for timing in timings:
        if timing.state in (State.RAISED, State.NOT_TIMED):
            causes.setdefault((timing.entry.sparsifier, timing.state, timing.message), []).append(timing)
    for (sparsifier, state, message), group in causes.items():
        others = f" and {len(group) - 1} more" if len(group) > 1 else ""
        yield f"{state.value.upper()}: {group[0].entry.id}{others}: {message}"
        yield f"  repeat: sparsecheck bench {sparsifier}"


def _row(timing: Timing) -> tuple[str, ...]:
    entry = timing.entry
    words = (entry.sparsifier, entry.operation, entry.size, entry.device)
    if timing.state is State.TIMED:
        return (*words, f"{timing.median * 1e6:.1f}", *(render_ratio(timing.ratios.get(name)) for name in _COLUMNS))
    why = f": {timing.message}" if timing.state is State.NOT_OFFERED else ""
    return (*words, "-", timing.state.value + why)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    words = [f"{word:{width}}" for word, width in zip(row[:_WORDS], widths, strict=False)]
    return "  ".join([*words, f"{row[_WORDS]:>{widths[_WORDS]}}", *_padded(row, widths)]).rstrip()


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return the padded columns after the median; a single reason in their place is not padded."""
    rest = row[_WORDS + 1:]
    return [f"{word:{width}}" for word, width in zip(rest, widths[_WORDS + 1:], strict=False)] if rest[1:] else [*rest]
