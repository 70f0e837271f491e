"""A small pen for inline SVG: axes, curves, points and ellipses, coloured by the page's style sheet.

Drawn by hand because a page must follow dark mode and print, and because a figure of matplotlib costs 25 ms and 45 kB
where this costs 1 ms and 5 kB. Colours are classes (``student``, ``reference``, ``data``), so that the reference looks
the same in every drawing; it is also told apart by its dashes and crosses, for print in black and white.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from grader.text import strip_terminal

Floats = NDArray[np.float64]

MARGIN_LEFT, MARGIN_RIGHT, MARGIN_TOP, MARGIN_BOTTOM = 66.0, 14.0, 30.0, 44.0


TEXT_LIMIT = 2000


@dataclass(frozen=True)
class Scale:
    """A linear map from data to pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, values: Floats) -> Floats:
        return self.start + (values - self.low) / (self.high - self.low) * (self.end - self.start)

    def at(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def holds(self, values: Floats) -> NDArray[np.bool_]:
        return np.asarray((values >= self.low) & (values <= self.high), dtype=bool)


def span(values: Iterable[Floats], pad: float = 0.06) -> tuple[float, float]:
    """The range of all values with some air around it; never empty."""
    parts = [part.ravel() for part in values if part.size]
    everything = np.concatenate(parts) if parts else np.zeros(1)
    low, high = float(everything.min()), float(everything.max())
    width = high - low
    # A constant curve far from zero still needs a range that floating point can tell apart.
    air = width * pad if width > 1e-9 * max(1.0, abs(low), abs(high)) else max(0.5, 1e-3 * max(abs(low), abs(high)))
    return low - air, high + air


def ticks(low: float, high: float, about: int = 5, whole: bool = False) -> list[float]:
    """Round numbers within the range, 1, 2, 2.5 or 5 times a power of ten apart."""
    raw = (high - low) / max(1, about)
    power = 10.0 ** math.floor(math.log10(raw))
    factors = (1.0, 2.0, 5.0, 10.0) if whole else (1.0, 2.0, 2.5, 5.0, 10.0)
    step = next(factor * power for factor in factors if factor * power >= raw * 0.999)
    step = max(1.0, step) if whole else step
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def tick_label(value: float, step: float) -> str:
    """The number with as many decimals as the step between ticks asks for, and a proper minus sign."""
    if value != 0 and not 1e-4 <= max(abs(value), abs(step)) < 1e6:
        text = f"{value:.3g}"
    else:
        decimals = max(0, -math.floor(math.log10(abs(step)) + 1e-9)) if step else 0
        decimals += 1 if step and abs(step * 10**decimals - round(step * 10**decimals)) > 1e-6 else 0
        text = f"{value:.{min(decimals, 8)}f}"
    return text.replace("-", "−")


@dataclass
class Panel:
    """One pair of axes within a drawing. Data methods take data units; everything outside the range is left out."""

    x: Scale
    y: Scale
    parts: list[str] = field(default_factory=list)

    def axes(self, xlabel: str, ylabel: str, title: str = "", whole_x: bool = False, whole_y: bool = False) -> None:
        """Grid, ticks and labels; drawn first so that data lies above."""
        left, right, top, bottom = self.x.start, self.x.end, self.y.end, self.y.start
        xs = ticks(self.x.low, self.x.high, about=max(3, int((right - left) / 56)), whole=whole_x)
        ys = ticks(self.y.low, self.y.high, about=max(3, int((bottom - top) / 48)), whole=whole_y)
        grid = "".join(f"M{self.x.at(v):.1f} {top:.1f}V{bottom:.1f}" for v in xs)
        grid += "".join(f"M{left:.1f} {self.y.at(v):.1f}H{right:.1f}" for v in ys)
        self.parts.append(f'<path class="grid" d="{grid}"/>')
        self.parts.append(f'<path class="axis" d="M{left:.1f} {top:.1f}V{bottom:.1f}H{right:.1f}"/>')
        for values, scale in ((xs, self.x), (ys, self.y)):
            step = values[1] - values[0] if len(values) > 1 else scale.high - scale.low
            for v in values:
                text = tick_label(v, step)
                if scale is self.x:
                    self.text(self.x.at(v), bottom + 15, text, "tick", "middle")
                else:
                    self.text(left - 6, self.y.at(v) + 4, text, "tick", "end")
        self.text((left + right) / 2, bottom + 34, xlabel, "label", "middle")
        middle = (top + bottom) / 2
        turned = f' transform="rotate(-90 {left - 52:.1f} {middle:.1f})"'
        self.text(left - 52, middle + 4, ylabel, "label", "middle", turned)
        if title:
            self.text((left + right) / 2, top - 10, title, "title", "middle")

    def text(self, x: float, y: float, text: str, css: str, anchor: str = "start", more: str = "") -> None:
        """Write at a place in pixels."""
        self.parts.append(
            f'<text class="{css}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{say(text)}</text>'
        )

    def curve(self, x: Floats, y: Floats, css: str, dots: bool = False) -> None:
        """A line through finite values, broken where a value is missing or out of range."""
        good = np.isfinite(y) & self.y.holds(np.nan_to_num(y, nan=np.inf)) & self.x.holds(x)
        px, py = self.x(x), self.y(np.where(good, y, self.y.low))
        path, pen_down = [], False
        for ok, a, b in zip(good.tolist(), px.tolist(), py.tolist(), strict=True):
            if ok:
                path.append(f"{'L' if pen_down else 'M'}{a:.1f} {b:.1f}")
            pen_down = ok
        if path:
            self.parts.append(f'<path class="line {css}" d="{"".join(path)}"/>')
        if dots or 0 < len(path) < 2:
            self.points(x[good], y[good], css)

    def points(self, x: Floats, y: Floats, css: str, cross: bool = False) -> int:
        """Dots or crosses; returns how many lay outside the axes and are not drawn."""
        inside = self.x.holds(x) & self.y.holds(y)
        px, py = self.x(x[inside]).tolist(), self.y(y[inside]).tolist()
        if cross:
            path = "".join(f"M{a - 2:.1f} {b - 2:.1f}l4 4m0-4l-4 4" for a, b in zip(px, py, strict=True))
        else:
            path = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(px, py, strict=True))
        if path:
            self.parts.append(f'<path class="{"cross" if cross else "dots"} {css}" d="{path}"/>')
        return int(x.size - inside.sum())

    def outline(self, x: Floats, y: Floats, css: str) -> None:
        """A closed curve, cut at the axes."""
        px = np.clip(self.x(x), self.x.start, self.x.end).tolist()
        py = np.clip(self.y(y), self.y.end, self.y.start).tolist()
        path = "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(px, py, strict=True))
        self.parts.append(f'<path class="line {css}" d="M{path}Z"/>')


Limits = tuple[float, float]


def panel(left: float, top: float, right: float, bottom: float, xlim: Limits, ylim: Limits) -> Panel:
    """Axes inside the given box of pixels, which is that of the data area."""
    return Panel(Scale(*xlim, left, right), Scale(*ylim, bottom, top))


def say(text: str) -> Markup:
    """``text`` for the inside of an element: escaped, without controls, not endless."""
    return escape(strip_terminal(text)[:TEXT_LIMIT])


def key(x: float, y: float, entries: Sequence[tuple[str, str, str]]) -> str:
    """The legend on one line: (kind of mark, class, words); kinds are ``line``, ``dots`` and ``cross``."""
    parts = []
    for kind, css, words in entries:
        if kind == "line":
            parts.append(f'<path class="line {css}" d="M{x:.1f} {y - 4:.1f}h26"/>')
        elif kind == "cross":
            parts.append(f'<path class="cross {css}" d="M{x + 11:.1f} {y - 6:.1f}l4 4m0-4l-4 4"/>')
        else:
            parts.append(f'<path class="dots {css}" d="M{x + 13:.1f} {y - 4:.1f}h0"/>')
        parts.append(f'<text class="key" x="{x + 32:.1f}" y="{y:.1f}">{say(words)}</text>')
        x += 32 + 6.6 * len(words) + 22
    return "".join(parts)


def document(width: float, height: float, name: str, description: str, parts: Iterable[str], ident: str) -> Markup:
    """The finished drawing: a picture with a name and a description for those who don't see it.

    ``ident`` must be unique on the page and made of letters, digits and hyphens.
    """
    return Markup(  # noqa: S704  every text in it went through `escape`, all else are numbers
        f'<svg class="plot" role="img" viewBox="0 0 {width:g} {height:g}" aria-labelledby="{ident}-t {ident}-d">'
        f'<title id="{ident}-t">{say(name)}</title><desc id="{ident}-d">{say(description)}</desc>'
        f"{''.join(parts)}</svg>"
    )
