"""What a run that timed found, as one page of HTML and as Markdown: the verdict first, then where and how it ran."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

import jinja2
from markupsafe import Markup

from ..timing.gate import Change, Saved
from ..values.timing import OPERATIONS, SIZES, Comparison, Ratio, State, Timing
from .changes import ratio_told, verdict
from .plots import Bar, Line, curves, forest

COLUMNS: tuple[Comparison, ...] = ("self", "floor", "dense", "exemplar", "rival")
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
    folder = files(__package__) / "page"
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(ratio=ratio_told, counts=counts_told)
    return environment.from_string((folder / "bench.html").read_text("utf-8")).render(
        report=report, operations=list(OPERATIONS), columns=COLUMNS, is_told=is_told,
        style=Markup((folder / "bench.css").read_text("utf-8")),
    )


def bench_markdown(report: BenchReport) -> str:
    """The same numbers as tables."""
    return "\n".join(_markdown(report)) + "\n"


def _markdown(report: BenchReport) -> Iterator[str]:
    yield from ("# Timings", "", _cell(report.verdict), "")
    yield "; ".join(f"{name} {_cell(value)}" for name, value in report.place.items()) + f"; {report.noise}."
    for operation in OPERATIONS:
        if timings := report.of(operation):
            yield from ("", f"## {operation}", "")
            yield f"| sparsifier | size | us | {' | '.join(f'over {name}' for name in COLUMNS)} | change | counts |"
            yield "|---" * (len(COLUMNS) + 5) + "|"
            yield from (_row(report, timing) for timing in timings)


def _row(report: BenchReport, timing: Timing) -> str:
    change = report.change(timing)
    told = [ratio_told(timing.ratios.get(name)) for name in COLUMNS]
    stands = f"{change.standing.value} {ratio_told(change.ratio)}".strip() if change else ""
    first = (timing.entry.sparsifier, timing.entry.size, f"{timing.median * 1e6:.1f}")
    return f"| {' | '.join(map(_cell, (*first, *told, stands, counts_told(timing))))} |"


def _cell(text: str) -> str:
    return re.sub(r"([\\|<>`*\[\]])", r"\\\1", " ".join(text.split()))

