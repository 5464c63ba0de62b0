"""Render a timing run as an HTML page and as Markdown: the verdict first, then the environment and the timings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ...show.html import render_page
from ...show.markdown import plain
from ...values.timing import OPERATIONS, SIZES, Comparison, Ratio, State, Timing
from .compare import Change, Saved
from .plots import Bar, Line, curves, forest
from .text import render_ratio, verdict

COLUMNS: tuple[Comparison, ...] = ("self", "floor", "dense", "exemplar", "rival")
MEMORY = ("sparsifier", "size", "MB held beyond the dense model", "MB at once in an update", "MB of the process")
_SCALED = "matrix"


@dataclass(frozen=True)
class BenchReport:
    """Everything that a page about a timing run shows.

    Attributes:
        timings: One timing per planned entry.
        saved: The entries that were timed, with the environment of each.
        changes: The results of the gate; empty without a gate.
        earlier: Earlier saved runs, the oldest first.
    """

    timings: tuple[Timing, ...]
    saved: tuple[Saved, ...]
    changes: tuple[Change, ...] = ()
    earlier: tuple[tuple[Saved, ...], ...] = ()

    @property
    def verdict(self) -> str:
        """Return the verdict and the number of entries per state, in one line."""
        failed = sum(timing.state in (State.NOT_TIMED, State.RAISED) for timing in self.timings)
        timed = sum(timing.state is State.TIMED for timing in self.timings)
        counts = f"{timed} timed, {failed} could not be timed, {len(self.timings) - timed - failed} not offered"
        return f"{verdict(self.changes)} ({counts})" if self.changes else f"Timed, compared with nothing: {counts}"

    @property
    def place(self) -> dict[str, str]:
        """Return the hardware and software it ran on, by name; different values are joined."""
        names = sorted({name for one in self.saved for name in one.place})
        values = {name: sorted({one.place[name] for one in self.saved if name in one.place}) for name in names}
        return {name: ", ".join(found) for name, found in values.items()}

    @property
    def load(self) -> str:
        """Return the range of the machine's load average during the run."""
        loads = [one.load for one in self.saved]
        return f"{min(loads):.1f} to {max(loads):.1f}" if loads else "not known"

    @property
    def columns(self) -> tuple[Comparison, ...]:
        """Return the comparisons that occur in the timings."""
        return tuple(name for name in COLUMNS if any(name in timing.ratios for timing in self.timings))

    @property
    def memory(self) -> list[tuple[str, ...]]:
        """Return one row per timed update, with the columns of `MEMORY`.

        The three numbers are megabytes: held by the sparse model beyond the dense one, most of it masks; the peak of
        the tensors made by one update; and the peak of the process until then.
        """
        counted = [(timing, timing.counts) for timing in self.of("update") if timing.counts]
        return [
            (timing.entry.sparsifier, timing.entry.size, *map(_megabytes, (
                counts.held_bytes, counts.peak_bytes, timing.process_bytes)))
            for timing, counts in counted
        ]

    @property
    def noise(self) -> str:
        """Return the difference between two timings of identical code, in words."""
        found = [timing.ratios["self"] for timing in self.timings if "self" in timing.ratios]
        if not found:
            return "not measured"
        off = sorted(abs(ratio.median - 1) for ratio in found)
        return f"identical code differs by {off[len(off) // 2]:.1%} in the median, by {off[-1]:.0%} at the most"

    def of(self, operation: str) -> list[Timing]:
        """Return the timings of one operation, sorted by size and sparsifier."""
        order = list(SIZES)
        timed = [one for one in self.timings if one.state is State.TIMED and one.entry.operation == operation]
        return sorted(timed, key=lambda one: (order.index(one.entry.size), one.entry.sparsifier))

    def change(self, timing: Timing) -> Change | None:
        """Return the result of the gate for an entry, if there is one."""
        return next((change for change in self.changes if change.entry == timing.entry), None)

    def forest(self, operation: str) -> Markup:
        """Return a forest plot of the ratios to the floor, or to the exemplar where there is no floor."""
        bars = [bar for timing in self.of(operation) for bar in _bars(timing)]
        return forest(bars) if bars else Markup("")

    def scaling(self, operation: str) -> Markup:
        """Return a plot of microseconds over matrix edge, for sparsifiers timed at two sizes or more."""
        lines: dict[str, list[tuple[float, float]]] = {}
        for timing in self.of(operation):
            size = SIZES[timing.entry.size]
            if size.kind == _SCALED:
                lines.setdefault(timing.entry.sparsifier, []).append((float(size.shape[0]), timing.median * 1e6))
        several = [Line(name, tuple(points)) for name, points in lines.items() if len(points) > 1]
        return curves(several) if several else Markup("")

    def trend(self, operation: str) -> Markup:
        """Return a plot of the ratio to the exemplar or floor over the earlier runs and this one."""
        runs = (*self.earlier, self.saved) if self.earlier else ()
        lines: dict[str, list[tuple[float, float]]] = {}
        for number, run in enumerate(runs, 1):
            for timing in (one.timing for one in run if one.timing.entry.operation == operation):
                for ratio in [timing.ratios.get("exemplar") or timing.ratios.get("floor")]:
                    if ratio is not None:
                        label = f"{timing.entry.sparsifier} {timing.entry.size}"
                        lines.setdefault(label, []).append((float(number), ratio.median))
        several = [Line(name, tuple(points)) for name, points in lines.items() if len(points) > 1]
        return curves(several) if several else Markup("")


def _bars(timing: Timing) -> Iterator[Bar]:
    ratio = timing.ratios.get("floor") or timing.ratios.get("exemplar")
    if ratio is not None:
        label = f"{timing.entry.sparsifier} {timing.entry.size}"
        yield Bar(label, ratio.low, ratio.median, ratio.high, is_significant(timing, ratio))


def is_significant(timing: Timing, ratio: Ratio) -> bool:
    """Return whether the interval of a ratio does not overlap that of the noise."""
    noise = timing.ratios.get("self")
    low, high = (min(noise.low, 1.0), max(noise.high, 1.0)) if noise else (1.0, 1.0)
    return ratio.low > high or ratio.high < low


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.3f}"


def render_counts(timing: Timing) -> str:
    """Describe the counts of one call in a few words."""
    counts = timing.counts
    if counts is None:
        return ""
    if timing.entry.operation == "compile":
        return f"{counts.graphs} graphs, {counts.graph_breaks} breaks, {counts.recompiles} recompiles"
    made = f"{sum(counts.operators.values())} operators, {counts.output_bytes} B made, {counts.peak_bytes} B at once"
    held = f", {counts.held_bytes} B held" if counts.held_bytes else ""
    return f"{made}, {counts.calls} calls{held}" if counts.calls else ""


def render_html(report: BenchReport) -> str:
    """Return a self-contained HTML page without scripts."""
    return render_page(
        "bench.html", ("bench.css",), {"ratio": render_ratio, "counts": render_counts},
        report=report, memory_columns=MEMORY, operations=list(OPERATIONS), is_significant=is_significant,
    )


def render_markdown(report: BenchReport) -> str:
    """Return the same numbers as Markdown tables."""
    return "\n".join(_markdown(report)) + "\n"


def _markdown(report: BenchReport) -> Iterator[str]:
    yield from ("# Timings", "", plain(report.verdict), "")
    place = "; ".join(f"{name} {plain(value)}" for name, value in report.place.items())
    yield f"{place}; load {report.load}; {report.noise}."
    for operation in OPERATIONS:
        if timings := report.of(operation):
            yield from ("", f"## {operation}", "")
            over = [f"over {name}" for name in report.columns]
            change = ["change"] if report.changes else []
            yield from _head(("sparsifier", "size", "us", *over, *change, "counts"))
            yield from (_row(report, timing) for timing in timings)
    if report.memory:
        yield from ("", "## memory", "", *_head(MEMORY))
        yield from (_line(row) for row in report.memory)


def _head(columns: Sequence[str]) -> tuple[str, str]:
    return _line(columns), "|---" * len(columns) + "|"


def _line(words: Sequence[str]) -> str:
    return f"| {' | '.join(map(plain, words))} |"


def _row(report: BenchReport, timing: Timing) -> str:
    change = report.change(timing)
    ratios = [render_ratio(timing.ratios.get(name)) for name in report.columns]
    result = f"{change.standing.value} {render_ratio(change.ratio)}".strip() if change else ""
    first = (timing.entry.sparsifier, timing.entry.size, f"{timing.median * 1e6:.1f}")
    return _line((*first, *ratios, *((result,) if report.changes else ()), render_counts(timing)))
