"""Lines over a few points as SVG: drawn by hand, coloured by the page's style, readable at the width of a phone.

Colours are classes (`s0` to `s5`), so that light and dark are the style sheet's affair; shape and dashes tell series
apart where colours do not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 380, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 10, 12, 40
COLORS = 6
_SHAPES = ("circle", "square", "up", "diamond", "down", "cross")
_SMALL = 1e-9
"""What stands for 0 where the axis is logarithmic."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Series:
    """One line. `number` chooses its colour and shape.

    `points` are joined, those at the places in `strong` are drawn larger; `intervals` are (x, low, high); `dots`
    stand alone.
    """

    label: str
    number: int
    points: Sequence[Point]
    intervals: Sequence[tuple[float, float, float]] = ()
    dots: Sequence[Point] = ()
    strong: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Chart:
    """A panel. `ticks` are (x, text) below it; `guide` is a dashed level with its text."""

    title: str
    x: str
    y: str
    series: Sequence[Series]
    ticks: Sequence[tuple[float, str]]
    log: bool = False
    guide: tuple[float, str] | None = None


class _Frame:
    """Values to places in the picture."""

    def __init__(self, chart: Chart) -> None:
        self.log = chart.log
        xs = [x for x, _ in chart.ticks]
        ys = list(_heights(chart))
        self.left, self.right = min(xs) - 0.25, max(xs) + 0.25
        if self.log:
            bottom, top = (math.log10(max(value, _SMALL)) for value in (min(ys), max(ys)))
            self.low = float(math.floor(bottom))
            self.high = max(float(math.ceil(top)), self.low + 1)
            step = math.ceil((self.high - self.low) / 5)
            self.grid = [10.0**power for power in range(int(self.low), int(self.high) + 1, step)]
        else:
            self.grid = even_steps(min(ys), max(ys))
            self.low, self.high = self.grid[0], self.grid[-1]

    def x(self, value: float) -> str:
        """The place of `value` from the left, in units of the picture."""
        return f"{_LEFT + (value - self.left) / (self.right - self.left) * (WIDTH - _LEFT - _RIGHT):.1f}"

    def y(self, value: float) -> str:
        """The place of `value` from the top."""
        height = math.log10(max(value, _SMALL)) if self.log else value
        return f"{_TOP + (self.high - height) / (self.high - self.low) * (HEIGHT - _TOP - _BOTTOM):.1f}"


def _heights(chart: Chart) -> Iterable[float]:
    for one in chart.series:
        yield from (y for _, y in (*one.points, *one.dots))
        for _, low, high in one.intervals:
            yield from (low, high)
    if chart.guide:
        yield chart.guide[0]


def even_steps(low: float, high: float) -> list[float]:
    """Four to eight round numbers that reach from below `low` to above `high`."""
    size = high - low or abs(high) or 1.0
    rough = size / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(number * step, 12) for number in range(first, max(last, first + 1) + 1)]


def draw(chart: Chart) -> Markup:
    """The panel as an SVG element, its texts escaped."""
    frame = _Frame(chart)
    parts = [*_axes(chart, frame)]
    for one in chart.series:
        parts += _line(one, frame)
    parts += _guide(chart, frame)
    text = Markup(
        '<svg class="chart" viewBox="0 0 {w} {h}" role="img" aria-label="{label}" preserveAspectRatio="xMidYMid meet">'
    )
    head = text.format(w=WIDTH, h=HEIGHT, label=f"{chart.title}: {chart.y} by {chart.x}")
    return head + Markup("").join(parts) + Markup("</svg>")


def _axes(chart: Chart, frame: _Frame) -> list[Markup]:
    parts = []
    line = Markup('<line class="{c}" x1="{a}" x2="{b}" y1="{y}" y2="{y}"/>')
    text = Markup('<text class="{c}" x="{x}" y="{y}" text-anchor="{a}">{t}</text>')
    for value in frame.grid:
        y = frame.y(value)
        parts.append(line.format(c="grid", a=_LEFT, b=WIDTH - _RIGHT, y=y))
        parts.append(text.format(c="tick", x=_LEFT - 6, y=f"{float(y) + 4:.1f}", a="end", t=f"{value:g}"))
    every = math.ceil(len(chart.ticks) / 10)
    for x, label in chart.ticks[::every]:
        parts.append(text.format(c="tick", x=frame.x(x), y=HEIGHT - _BOTTOM + 17, a="middle", t=label))
    parts.append(text.format(c="axis", x=(WIDTH + _LEFT) / 2, y=HEIGHT - 6, a="middle", t=chart.x))
    return parts


def _guide(chart: Chart, frame: _Frame) -> list[Markup]:
    """Last of all, so that its text stands over the lines."""
    if chart.guide is None:
        return []
    value, label = chart.guide
    line = Markup('<line class="guide" x1="{a}" x2="{b}" y1="{y}" y2="{y}"/>')
    text = Markup('<text class="over" x="{x}" y="{y}">{t}</text>')
    y = frame.y(value)
    return [
        line.format(a=_LEFT, b=WIDTH - _RIGHT, y=y),
        text.format(x=_LEFT + 4, y=f"{float(y) - 4:.1f}", t=label),
    ]


def _line(one: Series, frame: _Frame) -> list[Markup]:
    parts = []
    style = _style(one.number)
    if len(one.points) > 1:
        places = " ".join(f"{frame.x(x)},{frame.y(y)}" for x, y in one.points)
        parts.append(Markup('<polyline class="line {c}" points="{p}"/>').format(c=style, p=places))
    whisker = Markup('<line class="whisker {c}" x1="{x}" x2="{x}" y1="{a}" y2="{b}"/>')
    parts += [whisker.format(c=style, x=frame.x(x), a=frame.y(a), b=frame.y(b)) for x, a, b in one.intervals]
    parts += [_mark(one, frame, point, 2.2, f"dot {style}") for point in one.dots]
    for place, point in enumerate(one.points):
        parts.append(_mark(one, frame, point, 5.5 if place in one.strong else 3.6, f"mark {style}"))
    return parts


def _mark(one: Series, frame: _Frame, point: Point, size: float, style: str) -> Markup:
    label = f"{one.label}: {point[1]:.4g}"
    template = Markup('<path class="{c}" d="{d}"><title>{t}</title></path>')
    x, y = float(frame.x(point[0])), float(frame.y(point[1]))
    return template.format(c=style, d=shape(one.number, x, y, size), t=label)


def shape(number: int, x: float, y: float, size: float) -> str:
    """The outline of series `number`'s mark around a place, as a path."""
    s, t, u = size, 1.2 * size, 1.3 * size
    left, top, steps = {
        "circle": (x - s, y, f"a{s} {s} 0 1 0 {2 * s} 0a{s} {s} 0 1 0 {-2 * s} 0z"),
        "square": (x - s, y - s, f"h{2 * s}v{2 * s}h{-2 * s}z"),
        "up": (x, y - t, f"l{t:.2f} {2 * t:.2f}h{-2 * t:.2f}z"),
        "diamond": (x, y - u, f"l{u:.2f} {u:.2f}l{-u:.2f} {u:.2f}l{-u:.2f} {-u:.2f}z"),
        "down": (x, y + t, f"l{t:.2f} {-2 * t:.2f}h{-2 * t:.2f}z"),
        "cross": (x - s, y - s, f"l{2 * s} {2 * s}m0 {-2 * s}l{-2 * s} {2 * s}"),
    }[_SHAPES[(number + number // COLORS) % len(_SHAPES)]]  # the next six have other colours for the same shapes
    return f"M{left:.1f} {top:.1f}{steps}"


def swatch(number: int) -> Markup:
    """The mark of series `number` on a piece of its line, for a legend."""
    line = Markup('<polyline class="line {c}" points="0,7 28,7"/>').format(c=_style(number))
    mark = Markup('<path class="mark {c}" d="{d}"/>').format(c=_style(number), d=shape(number, 14, 7, 4.5))
    return Markup('<svg class="swatch" viewBox="0 0 28 14" aria-hidden="true">{}{}</svg>').format(line, mark)


def _style(number: int) -> str:
    return f"s{number % COLORS}" + (" dashed" if number >= COLORS else "")
