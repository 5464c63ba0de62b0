"""Timings in plain text: a table, then what is missing from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...values.timing import Comparison, State, Timing
from .changes import ratio_told

_COLUMNS: tuple[Comparison, ...] = ("self", "floor", "dense", "exemplar", "rival")
_HEAD = ("sparsifier", "operation", "size", "device", "median us", *(f"/ {name}" for name in _COLUMNS))
_WORDS = 4


def table(timings: Sequence[Timing]) -> Iterator[str]:
    """A line an entry of the plan, whatever became of it; then what raised or was not timed, and why."""
    rows = [_HEAD, *(_row(timing) for timing in timings)]
    widths = [max(len(row[column]) for row in rows if len(row) == len(_HEAD)) for column in range(len(_HEAD))]
    for row in rows:
        yield _line(row, widths)
    yield ""
    yield "us: microseconds, of one thread of the processor. / x: over what x takes, median [its interval of 98 %]."
    yield "self: the noise; floor: the least work that does the same; dense: the model that is not sparse; rival: the"
    yield "other version."
    yield from _missing(timings)


def _missing(timings: Sequence[Timing]) -> Iterator[str]:
    """What has one cause, once."""
    causes: dict[tuple[str, State, str], list[Timing]] = {}
    for timing in timings:
        if timing.state in (State.RAISED, State.NOT_TIMED):
            causes.setdefault((timing.entry.sparsifier, timing.state, timing.message), []).append(timing)
    for (sparsifier, state, message), alike in causes.items():
        others = f" and {len(alike) - 1} more" if len(alike) > 1 else ""
        yield f"{state.value.upper()}: {alike[0].entry.id}{others}: {message}"
        yield f"  repeat: sparsecheck bench {sparsifier}"


def _row(timing: Timing) -> tuple[str, ...]:
    entry = timing.entry
    words = (entry.sparsifier, entry.operation, entry.size, entry.device)
    if timing.state is State.TIMED:
        return (*words, f"{timing.median * 1e6:.1f}", *(ratio_told(timing.ratios.get(name)) for name in _COLUMNS))
    why = f": {timing.message}" if timing.state is State.NOT_OFFERED else ""
    return (*words, "-", timing.state.value + why)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    words = [f"{word:{width}}" for word, width in zip(row[:_WORDS], widths, strict=False)]
    return "  ".join([*words, f"{row[_WORDS]:>{widths[_WORDS]}}", *_padded(row, widths)]).rstrip()


def _padded(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    """What follows the median; of a row that ends in a reason, that as it is."""
    rest = row[_WORDS + 1:]
    return [f"{word:{width}}" for word, width in zip(rest, widths[_WORDS + 1:], strict=False)] if rest[1:] else [*rest]
