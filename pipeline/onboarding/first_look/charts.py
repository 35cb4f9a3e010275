"""Charts as inline SVG: no script, no font, readable on a phone; each has a title and a description for readers."""

from collections.abc import Sequence

from markupsafe import Markup

from pipeline.onboarding.trial.dry_run import Month
from pipeline.outputs.figures import percent, short_money
from pipeline.outputs.page import svg
from pipeline.outputs.page.svg import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Scale

MOST_MONTHS = 60
MOST_LABELS = 6
MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


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
    steps = svg.steps(largest)
    y = Scale(0, steps[-1], HEIGHT - BOTTOM, TOP)
    slot = (WIDTH - LEFT - RIGHT) / max(len(shown), 1)
    parts: list[Markup | str] = []
    for step in steps:
        parts += [
            svg.line(LEFT, y(step), WIDTH - RIGHT, y(step)),
            svg.text(LEFT - 5, y(step) + 4, short_money(step, currency), "end"),
        ]
    every = -(-len(shown) // MOST_LABELS)
    for number, month in enumerate(shown):
        value = max(float(month.net_sales), 0.0)
        kind = "bar hidden" if hidden_from and month.month > hidden_from else "bar"
        parts.append(svg.box(LEFT + slot * (number + 0.14), y(value), slot * 0.72, y(0) - y(value), kind))
        if number % every == 0:
            label = f"{MONTH_NAMES[int(month.month[5:]) - 1]} {month.month[2:4]}"
            parts.append(svg.text(round(LEFT + slot * (number + 0.5), 1), HEIGHT - 8, label))
    best = max(shown, key=lambda month: month.net_sales)
    said = f"{len(shown)} months, the best is {best.month} with {short_money(float(best.net_sales), currency)}."
    return svg.picture("sales", "Net sales by month", said, parts)


def whale_curve(shares: Sequence[float]) -> Markup:
    """The share of the sales that the best customers bring, by their share of the customers."""
    x = Scale(0, len(shares) - 1, LEFT, WIDTH - RIGHT - 10)
    y = Scale(0, max(1.0, *shares), HEIGHT - BOTTOM, TOP)
    parts: list[Markup | str] = []
    for step in (0, 0.25, 0.5, 0.75, 1):
        parts += [
            svg.line(LEFT, y(step), WIDTH - RIGHT, y(step)),
            svg.text(LEFT - 5, y(step) + 4, f"{step:.0%}", "end"),
        ]
    for step in (0, 20, 40, 60, 80, 100):
        parts.append(svg.text(x(step), HEIGHT - 8, f"{step}%"))
    parts.append(svg.line(x(0), y(0), x(100), y(1), "even"))
    parts.append(svg.curve([(x(place), y(share)) for place, share in enumerate(shares)]))
    parts += [
        svg.line(x(20), y(0), x(20), y(shares[20]), "mark"),
        svg.line(LEFT, y(shares[20]), x(20), y(shares[20]), "mark"),
    ]
    parts.append(svg.text(x(20) + 8, y(shares[20]) + 18, f"best 20%: {percent(shares[20])}", "start", "said"))
    said = (
        f"The best 20% of the buyers bring {percent(shares[20])} of the net sales, the best 10% {percent(shares[10])}."
    )
    return svg.picture("whale", "Share of sales by share of customers", said, parts)


def forecast(low: float, mean: float, high: float, came: float, own_rate: float) -> Markup:
    """The forecast with its interval, what came, and the naive forecast, on one scale from 0."""
    steps = svg.steps(max(high, came, own_rate))
    height = 150
    x = Scale(0, steps[-1], 86, WIDTH - 22)
    parts: list[Markup | str] = []
    for step in steps:
        parts += [svg.line(x(step), 8, x(step), height - 24), svg.text(x(step), height - 8, short_money(step, ""))]
    rows = (("Forecast", mean, "dot"), ("Came", came, "dot came"), ("Own rate", own_rate, "dot own"))
    for place, (label, value, kind) in enumerate(rows):
        y = 28 + 36 * place
        parts.append(svg.text(80, y + 4, label, "end"))
        if not place:
            parts.append(svg.box(x(low), y - 8, x(high) - x(low), 16, "band"))
        parts.append(svg.dot(x(value), y, kind))
        beside = x(high) if not place else x(value)
        is_right = beside > WIDTH * 0.78
        at = (x(low) if not place else x(value)) - 10 if is_right else beside + 10
        parts.append(svg.text(round(at, 1), y + 4, f"{value:,.0f}", "end" if is_right else "start", "said"))
    said = (
        f"Expected {mean:,.0f} purchases, {low:,.0f} to {high:,.0f}; {came:,.0f} came; own rates said {own_rate:,.0f}."
    )
    return svg.picture("grade", "Forecast of the hidden days, and what came", said, parts, height=height)
