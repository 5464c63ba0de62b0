"""Timings in plain text: a table, then what is missing from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..values.timing import Ratio, State, Timing

_HEAD = ("sparsifier", "operation", "size", "median us", "sparse / dense")


def table(timings: Sequence[Timing]) -> Iterator[str]:
    """A line an entry of the plan, whatever became of it; then what raised or was not timed, and why."""
    rows = [_HEAD, *(_row(timing) for timing in timings)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    for row in rows:
        yield _line(row, widths)
    yield ""
    yield "us: microseconds of one processor thread; sparse / dense: of paired blocks, median [quartiles]."
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
    if timing.state is State.TIMED:
        return (entry.sparsifier, entry.operation, entry.size, f"{timing.median * 1e6:.1f}", _ratio(timing.ratio))
    why = f": {timing.message}" if timing.state is State.NOT_OFFERED else ""
    return (entry.sparsifier, entry.operation, entry.size, "-", timing.state.value + why)


def _ratio(ratio: Ratio | None) -> str:
    return f"{ratio.median:.2f} [{ratio.low:.2f}, {ratio.high:.2f}]" if ratio else ""


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    sparsifier, operation, size, median, rest = row
    first, second, third, fourth, _ = widths
    return f"{sparsifier:{first}}  {operation:{second}}  {size:{third}}  {median:>{fourth}}  {rest}".rstrip()
