"""Charts as inline SVG: no script, no font, readable on a phone; each has a title and a description for readers."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from pipeline.onboarding.trial.dry_run import Month
from pipeline.outputs.figures import percent, short_money

WIDTH, HEIGHT = 440, 210
LEFT, RIGHT, TOP, BOTTOM = 52, 8, 10, 26
MOST_MONTHS = 60
MOST_LABELS = 6
MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


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


def _svg(name: str, title: str, description: str, parts: Sequence[Markup | str], height: int = HEIGHT) -> Markup:
    body = Markup("").join(parts)
    return Markup(
        '<svg viewBox="0 0 {w} {h}" role="img" aria-labelledby="{n}-title {n}-desc">'
        '<title id="{n}-title">{t}</title><desc id="{n}-desc">{d}</desc>{b}</svg>'
    ).format(w=WIDTH, h=height, n=name, t=title, d=description, b=body)


def _text(x: float, y: float, text: str, anchor: str = "middle", kind: str = "") -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="{}" class="{}">{}</text>').format(x, y, anchor, kind, escape(text))


def _line(x1: float, y1: float, x2: float, y2: float, kind: str = "grid") -> Markup:
    return Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" class="{}"/>').format(x1, y1, x2, y2, kind)


def _box(x: float, y: float, width: float, height: float, kind: str) -> Markup:
    return Markup('<rect x="{}" y="{}" width="{}" height="{}" class="{}"/>').format(
        round(x, 1), round(y, 1), round(max(width, 0.5), 1), round(max(height, 0.5), 1), kind
    )


def _steps(largest: float) -> list[float]:
    """Round values from 0 to a little above the largest: at most five."""
    if largest <= 0:
        return [0.0, 1.0]
    unit = 10.0 ** (len(f"{largest:.0f}") - 1)
    step = next(size * unit for size in (0.1, 0.2, 0.25, 0.5, 1, 2, 2.5) if largest / (size * unit) <= 4)
    return [step * number for number in range(int(-(-largest // step)) + 1)]


def all_months(months: Sequence[Month]) -> list[Month]:
    """Return the months from the first to the last, those without sales too; the last 60 of them."""
    if not months:
        return []
    known = {month.month: month for month in months}
    first, last = (int(text[:4]) * 12 + int(text[5:]) - 1 for text in (months[0].month, months[-1].month))
    names = [
        f"{number // 12:04d}-{number % 12 + 1:02d}" for number in range(max(first, last - MOST_MONTHS + 1), last + 1)
    ]
    zero = months[0].refunds * 0
    return [known.get(name, Month(name, 0, zero, zero)) for name in names]


def sales_by_month(months: Sequence[Month], currency: str, hidden_from: str | None) -> Markup:
    """Bars of net sales by month; those from `hidden_from` (YYYY-MM) on are paler."""
    shown = all_months(months)
    largest = max((float(month.net_sales) for month in shown), default=0.0)
    steps = _steps(largest)
    y = Scale(0, steps[-1], HEIGHT - BOTTOM, TOP)
    slot = (WIDTH - LEFT - RIGHT) / max(len(shown), 1)
    parts: list[Markup | str] = []
    for step in steps:
        parts += [
            _line(LEFT, y(step), WIDTH - RIGHT, y(step)),
            _text(LEFT - 5, y(step) + 4, short_money(step, currency), "end"),
        ]
    every = -(-len(shown) // MOST_LABELS)
    for number, month in enumerate(shown):
        value = max(float(month.net_sales), 0.0)
        kind = "bar hidden" if hidden_from and month.month > hidden_from else "bar"
        parts.append(_box(LEFT + slot * (number + 0.14), y(value), slot * 0.72, y(0) - y(value), kind))
        if number % every == 0:
            label = f"{MONTH_NAMES[int(month.month[5:]) - 1]} {month.month[2:4]}"
            parts.append(_text(round(LEFT + slot * (number + 0.5), 1), HEIGHT - 8, label))
    best = max(shown, key=lambda month: month.net_sales)
    said = f"{len(shown)} months, the best is {best.month} with {short_money(float(best.net_sales), currency)}."
    return _svg("sales", "Net sales by month", said, parts)


def whale_curve(shares: Sequence[float]) -> Markup:
    """The share of the sales that the best customers bring, by their share of the customers."""
    x = Scale(0, len(shares) - 1, LEFT, WIDTH - RIGHT - 10)
    y = Scale(0, max(1.0, *shares), HEIGHT - BOTTOM, TOP)
    parts: list[Markup | str] = []
    for step in (0, 0.25, 0.5, 0.75, 1):
        parts += [_line(LEFT, y(step), WIDTH - RIGHT, y(step)), _text(LEFT - 5, y(step) + 4, f"{step:.0%}", "end")]
    for step in (0, 20, 40, 60, 80, 100):
        parts.append(_text(x(step), HEIGHT - 8, f"{step}%"))
    points = " ".join(f"{x(place)},{y(share)}" for place, share in enumerate(shares))
    parts.append(_line(x(0), y(0), x(100), y(1), "even"))
    parts.append(Markup('<polyline points="{}" class="curve"/>').format(points))
    parts += [
        _line(x(20), y(0), x(20), y(shares[20]), "mark"),
        _line(LEFT, y(shares[20]), x(20), y(shares[20]), "mark"),
    ]
    parts.append(_text(x(20) + 8, y(shares[20]) + 18, f"best 20%: {percent(shares[20])}", "start", "said"))
    said = (
        f"The best 20% of the buyers bring {percent(shares[20])} of the net sales, the best 10% {percent(shares[10])}."
    )
    return _svg("whale", "Share of sales by share of customers", said, parts)


def forecast(low: float, mean: float, high: float, came: float, own_rate: float) -> Markup:
    """The forecast with its interval, what came, and the naive forecast, on one scale from 0."""
    steps = _steps(max(high, came, own_rate))
    height = 150
    x = Scale(0, steps[-1], 86, WIDTH - 22)
    parts: list[Markup | str] = []
    for step in steps:
        parts += [_line(x(step), 8, x(step), height - 24), _text(x(step), height - 8, short_money(step, ""))]
    rows = (("Forecast", mean, "dot"), ("Came", came, "dot came"), ("Own rate", own_rate, "dot own"))
    for place, (label, value, kind) in enumerate(rows):
        y = 28 + 36 * place
        parts.append(_text(80, y + 4, label, "end"))
        if not place:
            parts.append(_box(x(low), y - 8, x(high) - x(low), 16, "band"))
        parts.append(Markup('<circle cx="{}" cy="{}" r="6" class="{}"/>').format(x(value), y, kind))
        beside = x(high) if not place else x(value)
        is_right = beside > WIDTH * 0.78
        at = (x(low) if not place else x(value)) - 10 if is_right else beside + 10
        parts.append(_text(round(at, 1), y + 4, f"{value:,.0f}", "end" if is_right else "start", "said"))
    said = (
        f"Expected {mean:,.0f} purchases, {low:,.0f} to {high:,.0f}; {came:,.0f} came; own rates said {own_rate:,.0f}."
    )
    return _svg("grade", "Forecast of the hidden days, and what came", said, parts, height)
