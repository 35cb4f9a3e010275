"""Parts of charts as inline SVG: no script, no font, readable on a phone; each has a title and a description."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 440, 210
LEFT, RIGHT, TOP, BOTTOM = 52, 8, 10, 26


@dataclass(frozen=True)
class Scale:
    """From values to places on an axis."""

    first: float
    last: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of a value."""
        span = self.last - self.first or 1.0
        return round(self.start + (value - self.first) / span * (self.end - self.start), 1)


def picture(
    name: str, title: str, description: str, parts: Sequence[Markup | str], *, height: float = HEIGHT
) -> Markup:
    """Return a chart. `name` is unique in its page."""
    return Markup(
        '<svg viewBox="0 0 {w} {h}" role="img" aria-labelledby="{n}-title {n}-desc">'
        '<title id="{n}-title">{t}</title><desc id="{n}-desc">{d}</desc>{b}</svg>'
    ).format(w=WIDTH, h=height, n=name, t=title, d=description, b=Markup("").join(parts))


def text(x: float, y: float, words: str, anchor: str = "middle", kind: str = "") -> Markup:
    """Return words; `y` is their base line."""
    return Markup('<text x="{}" y="{}" text-anchor="{}" class="{}">{}</text>').format(x, y, anchor, kind, escape(words))


def line(x1: float, y1: float, x2: float, y2: float, kind: str = "grid") -> Markup:
    """Return a straight line."""
    return Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" class="{}"/>').format(x1, y1, x2, y2, kind)


def curve(points: Sequence[tuple[float, float]], kind: str = "curve") -> Markup:
    """Return a line through points."""
    return Markup('<polyline points="{}" class="{}"/>').format(" ".join(f"{x},{y}" for x, y in points), kind)


def dot(x: float, y: float, kind: str = "dot", radius: float = 6) -> Markup:
    """Return a dot."""
    return Markup('<circle cx="{}" cy="{}" r="{}" class="{}"/>').format(x, y, radius, kind)


def box(x: float, y: float, width: float, height: float, kind: str, *, said: str = "") -> Markup:
    """Return a box of at least half a pixel; `said` shows under the mouse."""
    told = Markup("<title>{}</title>").format(said) if said else Markup("")
    return Markup('<rect x="{}" y="{}" width="{}" height="{}" class="{}">{}</rect>').format(
        round(x, 1), round(y, 1), round(max(width, 0.5), 1), round(max(height, 0.5), 1), kind, told
    )


def steps(largest: float) -> list[float]:
    """Return round values from 0 to a little above the largest: at most five."""
    if largest <= 0:
        return [0.0, 1.0]
    unit = 10.0 ** (len(f"{largest:.0f}") - 1)
    if largest < 1:
        unit = 10.0 ** -next(digits for digits in range(1, 300) if largest * 10.0**digits >= 1)
    step = next(size * unit for size in (0.1, 0.2, 0.25, 0.5, 1, 2, 2.5) if largest / (size * unit) <= 4)
    return [step * number for number in range(int(-(-largest // step)) + 1)]
