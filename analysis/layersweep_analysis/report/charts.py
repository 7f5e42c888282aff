"""Charts as inline SVG: drawn by hand, because they then follow the page's colours in light, dark and print, are vectors on
paper, need no script, and cost kilobytes (plotly.js alone would take nine tenths of the page's 5 MB)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, isfinite, log10

from markupsafe import Markup

_WIDTH, _HEIGHT = 460, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 12, 46
_LETTER = 9.0  # width of a digit of the charts' text in a wide font
_MARKS = ("circle", "square", "triangle", "diamond")
STYLES = 8


@dataclass(frozen=True)
class Series:
    """One line. `values` has a number (None: a gap) per x; `hollow` marks the ones that were not accepted."""

    name: str
    values: Sequence[float | None]
    style: int = 0
    hollow: Sequence[bool] = ()
    quiet: bool = False  #: a line in the background: dashed, without marks


@dataclass(frozen=True)
class Axis:
    title: str
    labels: Sequence[str] = ()  #: of an axis of categories
    low: float | None = None
    high: float | None = None
    percent: bool = False


def short_name(point: str) -> str:
    """A probe point's name for an axis: "layer 3 input" is 3."""
    words = point.split()
    if words == ["embeddings"]:
        return "emb"
    if len(words) == 3 and words[0] == "layer":
        return words[1] if words[2] == "input" else "out"
    return point


def number(value: float | None, percent: bool = False) -> str:
    """For people: 3 significant digits, or whole percents."""
    if value is None or not isfinite(value):
        return "–"
    if percent:
        return f"{100 * value:.1f}\u00a0%" if 0 < abs(value) < 0.0995 else f"{100 * value:.0f}\u00a0%"
    if value == 0:
        return "0"
    if abs(value) >= 100_000 or abs(value) < 0.001:
        return f"{value:.1e}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def line_chart(description: str, x: Axis, y: Axis, series: Sequence[Series], limit: tuple[str, float] | None = None) -> Markup:
    """Lines over categories (`x.labels`)."""
    values = [v for line in series for v in line.values if v is not None]
    low, high, step = _scale(y, [*values, *([limit[1]] if limit else [])])
    count = max(1, len(x.labels))
    xs = [_LEFT + (_WIDTH - _LEFT - _RIGHT) * (i + 0.5) / count for i in range(count)]
    parts = [*_frame(y, low, high, step), *_category_labels(x, xs)]
    if limit:
        at = _y(limit[1], low, high)
        parts.append(f'<line class="limit" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at}" y2="{at}"/>')
        parts.append(f'<text class="limit-name" x="{_WIDTH - _RIGHT}" y="{at - 4:.1f}">{escape(limit[0])}</text>')
    for line in series:
        parts.append(_line(line, xs, low, high, x.labels, y.percent))
    return _svg(description, parts, more=_more_room(y, low, high, step))


def path_chart(description: str, x: Axis, y: Axis, lines: Sequence[tuple[Series, Sequence[float], Sequence[str]]]) -> Markup:
    """Paths through (x, y): each a series, its x values, and the names of its marks."""
    x_low, x_high, x_step = _scale(x, [v for _, xs, _ in lines for v in xs])
    low, high, step = _scale(y, [v for line, _, _ in lines for v in line.values if v is not None])
    parts = _frame(y, low, high, step)
    right = 0.0
    for tick in _ticks(x_low, x_high, x_step):
        at = _LEFT + (_WIDTH - _LEFT - _RIGHT) * (tick - x_low) / (x_high - x_low)
        label = number(tick, x.percent)
        right = max(right, at + _LETTER * len(label) / 2 - _WIDTH)
        parts.append(f'<text class="tick middle" x="{at:.1f}" y="{_HEIGHT - _BOTTOM + 16}">{label}</text>')
    parts.append(_axis_title(x))
    for line, xs, names in lines:
        places = [_LEFT + (_WIDTH - _LEFT - _RIGHT) * (v - x_low) / (x_high - x_low) for v in xs]
        parts.append(_line(line, places, low, high, names, y.percent))
    return _svg(description, parts, box=(_WIDTH + right, _HEIGHT), more=_more_room(y, low, high, step))


def matrix(description: str, names: Sequence[str], values: Sequence[Sequence[float]]) -> Markup:
    """A square matrix of numbers in 0 … 1 as shades."""
    longest = _LETTER * max(map(len, names), default=1)
    side, top = 28, 8
    slanted = longest > side  # names below the columns that would run into each other
    left = max(46.0, longest + 10, 0.7 * longest - side / 2 if slanted else 0)
    size = side * len(names)
    parts = []
    for r, row in enumerate(values):
        at = top + side * (r + 0.68)
        parts.append(f'<text class="tick end" x="{left - 6:.1f}" y="{at:.1f}">{escape(names[r])}</text>')
        for c, value in enumerate(row):
            shade = max(0.0, min(1.0, value)) if isfinite(value) else 0.0
            parts.append(
                f'<rect class="shade" style="--p:{shade:.2f}" x="{left + side * c:.1f}" y="{top + side * r}" width="{side - 1}" '
                f'height="{side - 1}"><title>{escape(names[r])}, {escape(names[c])}: {number(value)}</title></rect>'
            )
    for c, name in enumerate(names):
        x, y = left + side * (c + 0.5), top + size + 14
        place = f'class="tick end" transform="translate({x + 5:.1f} {y}) rotate(-45)"' if slanted else f'class="tick middle" x="{x:.1f}" y="{y}"'
        parts.append(f"<text {place}>{escape(name)}</text>")
    below = 24 + (0.7 * longest if slanted else 0)
    return _svg(description, parts, left + size + 8, (left + size + 8, top + size + below))


def legend(series: Sequence[Series]) -> Markup:
    items = []
    for line in series:
        sample = _mark(line.style, 14, 8, False, "") if not line.quiet else ""
        dash = " quiet" if line.quiet else ""
        items.append(
            f'<li><svg class="key" viewBox="0 0 28 16" aria-hidden="true"><g class="s{line.style % STYLES}">'
            f'<path class="line{dash}" d="M0 8H28"/>{sample}</g></svg>{escape(line.name)}</li>'
        )
    return Markup('<ul class="legend">' + "".join(items) + "</ul>")


def _svg(
    description: str, parts: Sequence[str], width: float = 1.35 * _WIDTH, box: tuple[float, float] = (_WIDTH, _HEIGHT), more: float = 0
) -> Markup:
    """`more`: room on the left of x = 0."""
    return Markup(
        f'<svg class="chart" viewBox="{-more:.0f} 0 {box[0] + more:.0f} {box[1]:.0f}" role="img" aria-label="{escape(description)}" '
        f'style="max-width:{width:.0f}px">{"".join(parts)}</svg>'
    )


def _scale(axis: Axis, values: Sequence[float]) -> tuple[float, float, float]:
    """Low, high and step of ticks on round numbers."""
    known = [v for v in values if isfinite(v)] or [0.0, 1.0]
    low = axis.low if axis.low is not None else min(known)
    high = axis.high if axis.high is not None else max(known)
    if high <= low:
        high = low + (abs(low) or 1.0)
    rough = (high - low) / 4
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    return (
        low if axis.low is not None else floor(low / step) * step,
        high if axis.high is not None else ceil(high / step - 1e-9) * step,
        step,
    )


def _ticks(low: float, high: float, step: float) -> list[float]:
    first = ceil(low / step - 1e-9)
    return [n * step for n in range(first, floor(high / step + 1e-9) + 1)]


def _y(value: float, low: float, high: float) -> float:
    return round(_HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * (value - low) / (high - low), 1)


def _tick_labels(y: Axis, low: float, high: float, step: float) -> list[tuple[float, str]]:
    return [(tick, f"{100 * tick:.4g} %" if y.percent else f"{tick:.4g}") for tick in _ticks(low, high, step)]


def _frame(y: Axis, low: float, high: float, step: float) -> list[str]:
    parts = []
    for tick, label in _tick_labels(y, low, high, step):
        at = _y(tick, low, high)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at}" y2="{at}"/>')
        parts.append(f'<text class="tick end" x="{_LEFT - 6}" y="{at + 4:.1f}">{label}</text>')
    return parts


def _more_room(y: Axis, low: float, high: float, step: float) -> float:
    """What the longest label needs beyond the usual margin on the left."""
    longest = max((len(label) for _, label in _tick_labels(y, low, high, step)), default=0)
    return max(0.0, _LETTER * longest + 8 - _LEFT)


def _axis_title(axis: Axis) -> str:
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    return f'<text class="axis middle" x="{middle}" y="{_HEIGHT - 6}">{escape(axis.title)}</text>'


def _category_labels(axis: Axis, xs: Sequence[float]) -> list[str]:
    longest = max((len(label) for label in axis.labels), default=1)
    every = max(1, ceil((longest + 1) * 8 * len(xs) / (_WIDTH - _LEFT - _RIGHT)))
    parts = [
        f'<text class="tick middle" x="{at:.1f}" y="{_HEIGHT - _BOTTOM + 16}">{escape(label)}</text>'
        for i, (at, label) in enumerate(zip(xs, axis.labels, strict=True))
        if i % every == 0 and (i == 0 or i + every < len(xs) or i == len(xs) - 1)
    ]
    return [*parts, _axis_title(axis)]


def _line(line: Series, xs: Sequence[float], low: float, high: float, names: Sequence[str], percent: bool) -> str:
    path, marks, pen = [], [], "M"
    for i, value in enumerate(line.values):
        if value is None or not isfinite(value):
            pen = "M"
            continue
        at = _y(min(max(value, low), high), low, high)
        path.append(f"{pen}{xs[i]:.1f} {at}")
        pen = "L"
        if not line.quiet:
            hollow = i < len(line.hollow) and line.hollow[i]
            note = ", not accepted" if hollow else ""
            title = f"{line.name}, {names[i]}: {number(value, percent)}{note}"
            marks.append(_mark(line.style, xs[i], at, hollow, title))
    quiet = " quiet" if line.quiet else ""
    return f'<g class="s{line.style % STYLES}"><path class="line{quiet}" d="{"".join(path)}"/>{"".join(marks)}</g>'


def _mark(style: int, x: float, y: float, hollow: bool, title: str) -> str:
    kind = "mark hollow" if hollow else "mark"
    inside = f"<title>{escape(title)}</title>" if title else ""
    shape = _MARKS[(style + style // STYLES) % len(_MARKS)]  # after all colours other marks in the same colours
    if shape == "circle":
        return f'<circle class="{kind}" cx="{x:.1f}" cy="{y}" r="3.6">{inside}</circle>'
    if shape == "square":
        return f'<rect class="{kind}" x="{x - 3.3:.1f}" y="{y - 3.3:.1f}" width="6.6" height="6.6">{inside}</rect>'
    points = {"triangle": (0, -4.2, 4, 3.2, -4, 3.2), "diamond": (0, -4.6, 4.6, 0, 0, 4.6, -4.6, 0)}[shape]
    text = " ".join(f"{x + points[n]:.1f},{y + points[n + 1]:.1f}" for n in range(0, len(points), 2))
    return f'<polygon class="{kind}" points="{text}">{inside}</polygon>'
