"""What a run that timed found, as one page of HTML and as Markdown: the verdict first, then where and how it ran."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ...show.html import render_page
from ...values.timing import OPERATIONS, SIZES, Comparison, Ratio, State, Timing
from .changes import ratio_told, verdict
from .compare import Change, Saved
from .plots import Bar, Line, curves, forest

COLUMNS: tuple[Comparison, ...] = ("self", "floor", "dense", "exemplar", "rival")
MEMORY = ("sparsifier", "size", "MB held beyond the dense model", "MB at once in an update", "MB of the process")
_SCALED = "matrix"


@dataclass(frozen=True)
class BenchReport:
    """timings: of every entry of the plan. saved: of what was timed, with where. changes: what a gate found; none
    without one. earlier: runs saved before, the oldest first."""

    timings: tuple[Timing, ...]
    saved: tuple[Saved, ...]
    changes: tuple[Change, ...] = ()
    earlier: tuple[tuple[Saved, ...], ...] = ()

    @property
    def verdict(self) -> str:
        """In one line."""
        untimed = sum(timing.state in (State.NOT_TIMED, State.RAISED) for timing in self.timings)
        timed = sum(timing.state is State.TIMED for timing in self.timings)
        told = f"{timed} timed, {untimed} not to be timed, {len(self.timings) - timed - untimed} not offered"
        return f"{verdict(self.changes)} ({told})" if self.changes else f"Timed, and held against nothing: {told}"

    @property
    def place(self) -> dict[str, str]:
        """What it ran on and with; several values where there are several."""
        names = sorted({name for one in self.saved for name in one.place})
        values = {name: sorted({one.place[name] for one in self.saved if name in one.place}) for name in names}
        return {name: ", ".join(found) for name, found in values.items()}

    @property
    def load(self) -> str:
        """Of the machine while it was timed."""
        loads = [one.load for one in self.saved]
        return f"{min(loads):.1f} to {max(loads):.1f}" if loads else "not known"

    @property
    def columns(self) -> tuple[Comparison, ...]:
        """What anything was compared with."""
        return tuple(name for name in COLUMNS if any(name in timing.ratios for timing in self.timings))

    @property
    def memory(self) -> list[tuple[str, ...]]:
        """A row for each update: sparsifier, size, and in megabytes what the masks take and all else that the sparse
        model holds beyond the dense one, the most that the operators of one update had made and was alive, and the
        most that the process ever held until then."""
        counted = [(timing, timing.counts) for timing in self.of("update") if timing.counts]
        return [
            (timing.entry.sparsifier, timing.entry.size, *map(_megabytes, (
                counts.held_bytes, counts.peak_bytes, timing.process_bytes)))
            for timing, counts in counted
        ]

    @property
    def noise(self) -> str:
        """How far identical code differed."""
        found = [timing.ratios["self"] for timing in self.timings if "self" in timing.ratios]
        if not found:
            return "not measured"
        off = sorted(abs(ratio.median - 1) for ratio in found)
        return f"identical code differs by {off[len(off) // 2]:.1%} in the median, by {off[-1]:.0%} at the most"

    def of(self, operation: str) -> list[Timing]:
        """What was timed of one operation, by size and sparsifier."""
        order = list(SIZES)
        timed = [one for one in self.timings if one.state is State.TIMED and one.entry.operation == operation]
        return sorted(timed, key=lambda one: (order.index(one.entry.size), one.entry.sparsifier))

    def change(self, timing: Timing) -> Change | None:
        """How an entry stands to what it was."""
        return next((change for change in self.changes if change.entry == timing.entry), None)

    def forest(self, operation: str) -> Markup:
        """Over the floor, or, where there is none, over the exemplar."""
        bars = [bar for timing in self.of(operation) for bar in _bars(timing)]
        return forest(bars) if bars else Markup("")

    def scaling(self, operation: str) -> Markup:
        """Microseconds over the edge of a matrix, where there are two sizes or more."""
        lines: dict[str, list[tuple[float, float]]] = {}
        for timing in self.of(operation):
            size = SIZES[timing.entry.size]
            if size.kind == _SCALED:
                lines.setdefault(timing.entry.sparsifier, []).append((float(size.shape[0]), timing.median * 1e6))
        several = [Line(name, tuple(points)) for name, points in lines.items() if len(points) > 1]
        return curves(several) if several else Markup("")

    def trend(self, operation: str) -> Markup:
        """The ratio that is carried, from saved run to saved run and to this one."""
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
        yield Bar(label, ratio.low, ratio.median, ratio.high, is_told(timing, ratio))


def is_told(timing: Timing, ratio: Ratio) -> bool:
    """Whether a ratio is clear of the noise: its interval has nothing in common with that of `self`."""
    noise = timing.ratios.get("self")
    low, high = (min(noise.low, 1.0), max(noise.high, 1.0)) if noise else (1.0, 1.0)
    return ratio.low > high or ratio.high < low


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.3f}"


def counts_told(timing: Timing) -> str:
    """What one call does, in a few words."""
    counts = timing.counts
    if counts is None:
        return ""
    if timing.entry.operation == "compile":
        return f"{counts.graphs} graphs, {counts.graph_breaks} breaks, {counts.recompiles} recompiles"
    told = f"{sum(counts.operators.values())} operators, {counts.output_bytes} B made, {counts.peak_bytes} B at once"
    held = f", {counts.held_bytes} B held" if counts.held_bytes else ""
    return f"{told}, {counts.calls} calls{held}" if counts.calls else ""


def bench_html(report: BenchReport) -> str:
    """The page: it needs nothing else, and has no script."""
    return render_page(
        "bench.html", ("bench.css",), {"ratio": ratio_told, "counts": counts_told},
        report=report, memory_columns=MEMORY, operations=list(OPERATIONS), is_told=is_told,
    )


def bench_markdown(report: BenchReport) -> str:
    """The same numbers as tables."""
    return "\n".join(_markdown(report)) + "\n"


def _markdown(report: BenchReport) -> Iterator[str]:
    yield from ("# Timings", "", _cell(report.verdict), "")
    place = "; ".join(f"{name} {_cell(value)}" for name, value in report.place.items())
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
    return f"| {' | '.join(map(_cell, words))} |"


def _row(report: BenchReport, timing: Timing) -> str:
    change = report.change(timing)
    told = [ratio_told(timing.ratios.get(name)) for name in report.columns]
    stands = f"{change.standing.value} {ratio_told(change.ratio)}".strip() if change else ""
    first = (timing.entry.sparsifier, timing.entry.size, f"{timing.median * 1e6:.1f}")
    return _line((*first, *told, *((stands,) if report.changes else ()), counts_told(timing)))


def _cell(text: str) -> str:
    return re.sub(r"([\\|<>`*\[\]])", r"\\\1", " ".join(text.split()))

