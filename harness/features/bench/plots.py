"""Draw plots as inline SVG, without a library or a script; all text is escaped by markupsafe."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ...show.escaping import one_line

_ROW, _LABEL, _PLOT, _PAD, _TEXT, _NUMBER, _NAME = 18, 300, 420, 24, 13, 36, 120


@dataclass(frozen=True)
class Bar:
    """One row of a forest plot.

    Attributes:
        label: The name of the row.
        low: The lower end of the interval.
        median: The median ratio.
        high: The upper end of the interval.
        is_significant: Whether the interval is clear of the noise; other rows have no colour.
    """

    label: str
    low: float
    median: float
    high: float
    is_significant: bool


@dataclass(frozen=True)
class Line:
    """One series of points (x, y), both above zero."""

    label: str
    points: tuple[tuple[float, float], ...]


def forest(bars: Sequence[Bar]) -> Markup:
    """Return a plot with one row per bar on a logarithmic axis, and a vertical line at one."""
    axis = _Axis(min([1.0, *(bar.low for bar in bars)]), max([1.0, *(bar.high for bar in bars)]), _LABEL, _PLOT)
    height = _ROW * len(bars) + 2 * _PAD
    one = axis.place(1.0)
    parts = [Markup('<line class="one" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>').format(one, _PAD, height - _PAD)]
    parts += [_bar(bar, axis, _PAD + _ROW * (row + 0.5)) for row, bar in enumerate(bars)]
    parts += [
        Markup('<text class="tick" x="{:.1f}" y="{}">{}</text>').format(axis.place(tick), height - 6, f"{tick:g}")
        for tick in axis.ticks(spacing=_NUMBER)
    ]
    return _svg(_LABEL + _PLOT + _PAD, height, parts)


def curves(lines: Sequence[Line]) -> Markup:
    """Return a plot of series on two logarithmic axes, with their names at their ends."""
    points = [point for line in lines for point in line.points]
    across = _Axis(min(x for x, _ in points), max(x for x, _ in points), 60, _PLOT)
    up = _Axis(min(y for _, y in points), max(y for _, y in points), 0, 200)
    ends = _spread([216 - up.place(line.points[-1][1]) for line in lines])
    parts = [part for number, line in enumerate(lines) for part in _curve(line, number, ends[number], across, up)]
    parts += [
        Markup('<text class="tick" x="{:.1f}" y="238">{}</text>').format(across.place(x), f"{x:g}")
        for x in sorted({x for x, _ in points})
    ]
    parts += [
        Markup('<text class="axis" x="54" y="{:.1f}">{}</text>').format(220 - up.place(tick), f"{tick:g}")
        for tick in up.ticks(spacing=_TEXT)
    ]
    return _svg(60 + _PLOT + _LABEL, max([244, *(end + _TEXT for end in ends)]), parts)


@dataclass(frozen=True)
class _Axis:
    """A logarithmic axis from `least` to `most`, drawn over `length` pixels from `start`."""

    least: float
    most: float
    start: float
    length: float

    def place(self, value: float) -> float:
        whole = math.log(self.most / self.least) or 1.0
        return self.start + self.length * math.log(value / self.least) / whole

    def ticks(self, spacing: float) -> Iterator[float]:
        """Yield the powers of ten on the axis, and their doubles and fivefolds if those are `spacing` pixels apart."""
        has_room = abs(self.place(2.0) - self.place(1.0)) >= spacing
        for power in range(math.floor(math.log10(self.least)), math.ceil(math.log10(self.most)) + 1):
            for times in (1, 2, 5) if has_room else (1,):
                if self.least * 0.999 <= times * 10.0**power <= self.most * 1.001:
                    yield times * 10.0**power


def _bar(bar: Bar, axis: _Axis, y: float) -> Markup:
    kind = "significant" if bar.is_significant else "noise"
    return Markup(
        '<text class="label" x="{label}" y="{text:.1f}">{name}</text>'
        '<line class="{kind}" x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        '<circle class="{kind}" cx="{median:.1f}" cy="{y:.1f}" r="3.5"/>'
    ).format(
        label=_LABEL - 10, text=y + 4, name=one_line(bar.label, _NAME), kind=kind, y=y,
        low=axis.place(bar.low), high=axis.place(bar.high), median=axis.place(bar.median),
    )


def _spread(heights: Sequence[float]) -> list[float]:
    """Return the heights of the names, moved down where they would overlap."""
    placed, last = dict[int, float](), -math.inf
    for number in sorted(range(len(heights)), key=heights.__getitem__):
        last = placed[number] = max(heights[number], last + _TEXT)
    return [placed[number] for number in range(len(heights))]


def _curve(line: Line, number: int, end: float, across: _Axis, up: _Axis) -> Iterator[Markup]:
    places = [(across.place(x), 216 - up.place(y)) for x, y in line.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    x, y = places[-1]
    yield Markup('<polyline class="series s{}" points="{}"/>').format(number % 8, path)
    yield Markup('<line class="lead" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(x, y, x + 14, end)
    name = one_line(line.label, _NAME)
    yield Markup('<text class="end" x="{:.1f}" y="{:.1f}">{}</text>').format(x + 18, end + 4, name)


def _svg(width: float, height: float, parts: Sequence[Markup]) -> Markup:
    shape = Markup('<svg viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img">').format(width, height)
    return shape + Markup("").join(parts) + Markup("</svg>")
