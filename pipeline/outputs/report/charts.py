"""The charts of the report, as SVG."""

from collections.abc import Callable, Sequence

from markupsafe import Markup

from pipeline.outputs.figures import percent
from pipeline.outputs.page import svg
from pipeline.outputs.page.svg import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Scale

MOST_LABELS = 6
NAMES = 138
"""Width of the names left of rows."""
SHADES = 9
Cell = float | str | None
"""A share; a word where it is not told; None where there is nothing."""
Form = Callable[[float], str]
Bounds = tuple[str, float, float | None, float | None, bool]
"""Name, value, ends of the interval, and whether it is shown as certain."""


def _axis(lowest: float, highest: float, form: Form) -> tuple[Scale, list[Markup | str]]:
    """Return a vertical scale that holds zero, with its lines."""
    above, below = svg.steps(highest), svg.steps(-lowest) if lowest < 0 else [0.0]
    unit = above[1] if highest >= -lowest or len(below) == 1 else below[1]
    low, high = -unit * -(-max(-lowest, 0.0) // unit), unit * max(-(-max(highest, 0.0) // unit), 1.0)
    y = Scale(low, high, HEIGHT - BOTTOM, TOP)
    marks = [low + unit * number for number in range(round((high - low) / unit) + 1)]
    parts: list[Markup | str] = []
    for mark in marks:
        parts += [
            svg.line(LEFT, y(mark), WIDTH - RIGHT, y(mark)),
            svg.text(LEFT - 5, y(mark) + 4, form(mark), "end"),
        ]
    return y, parts


def _along(labels: Sequence[str]) -> tuple[Scale, list[Markup | str]]:
    """Return the horizontal scale of slots 0, 1, 2, …, each with its middle at half, and a few labels."""
    x = Scale(0, max(len(labels), 1), LEFT, WIDTH - RIGHT)
    every = -(-len(labels) // MOST_LABELS) if labels else 1
    return x, [svg.text(x(place + 0.5), HEIGHT - 8, label) for place, label in enumerate(labels) if place % every == 0]


def columns(
    name: str, said: tuple[str, str], labels: Sequence[str], values: Sequence[float], form: Form, *, pale: int = 0
) -> Markup:
    """Columns over time, below zero too; the last `pale` are weaker. `said` is title and description."""
    y, parts = _axis(min(values), max(values), form)
    x, below = _along(labels)
    for place, value in enumerate(values):
        kind = "bar hidden" if place >= len(values) - pale else "bar"
        left, right = x(place + 0.14), x(place + 0.86)
        top = min(y(value), y(0))
        told = f"{labels[place]}: {form(value)}"
        parts.append(svg.box(left, top, right - left, abs(y(value) - y(0)), kind, said=told))
    return svg.picture(name, *said, [*parts, *below])


def line_over_time(
    name: str, said: tuple[str, str], labels: Sequence[str], values: Sequence[float | None], form: Form
) -> Markup:
    """A line over time, with gaps where nothing is known; the last point has its value."""
    known = [value for value in values if value is not None]
    y, parts = _axis(min(known), max(known), form)
    x, below = _along(labels)
    run: list[tuple[float, float]] = []
    for place, value in enumerate([*values, None]):
        if value is not None:
            run.append((x(place + 0.5), y(value)))
        elif run:
            parts.append(svg.curve(run) if len(run) > 1 else svg.dot(*run[0], radius=2))
            run = []
    last = max(place for place, value in enumerate(values) if value is not None)
    parts.append(svg.dot(x(last + 0.5), y(known[-1]), radius=4))
    above = y(known[-1]) - 9 if y(known[-1]) > TOP + 16 else y(known[-1]) + 18
    parts.append(svg.text(x(last + 0.5), above, form(known[-1]), "end" if last > len(values) / 2 else "start", "said"))
    return svg.picture(name, *said, [*parts, *below])


def intervals(name: str, said: tuple[str, str], rows: Sequence[Bounds], form: Form, zero: float = 0.0) -> Markup:
    """Values with their intervals, one below the other, beside a line at `zero`."""
    step, height = 26, 26 * len(rows) + 34
    ends = [zero, *(end for _, *each, _ in rows for end in each if end is not None)]
    room = (max(ends) - min(ends)) * 0.02 or 1.0
    x = Scale(min(ends) - room, max(ends) + room, NAMES + 8, WIDTH - 60)
    parts: list[Markup | str] = [
        svg.line(x(zero), 4, x(zero), height - 24, "axis"),
        svg.text(x(zero), height - 8, form(zero)),
    ]
    for place, (label, value, low, high, certain) in enumerate(rows):
        y = 16 + step * place
        parts.append(svg.text(NAMES, y + 4, shortened(label), "end"))
        if low is not None and high is not None:
            parts.append(svg.line(x(low), y, x(high), y, "whisker" if certain else "whisker weak"))
        parts.append(svg.dot(x(value), y, "dot" if certain else "dot weak", 5))
        parts.append(svg.text(WIDTH - 2, y + 4, form(value), "end", "said" if certain else ""))
    return svg.picture(name, *said, parts, height=height)


def heat_map(
    name: str,
    said: tuple[str, str],
    rows: Sequence[str],
    heads: Sequence[str],
    cells: Sequence[Sequence[Cell]],
    *,
    told: Callable[[int, int], str],
    numbers: bool,
    every: int = 1,
) -> Markup:
    """Cells that are the darker the higher their share, from 0 to the highest.

    Parameters
    ----------
    rows, heads, cells
        Names of the rows and columns, and the shares. Cells with a word are grey, cells without anything empty.
    told
        What a cell says under the mouse, by row and column.
    numbers
        Whether the cells show their share, in percent.
    every
        Only each such row and column has its name shown.
    """
    left = NAMES + 6 if numbers else 52
    high = 26 if numbers else 11
    wide = (WIDTH - left - 2) / max(len(heads), 1)
    top = 20
    highest = max((cell for row in cells for cell in row if isinstance(cell, float)), default=0.0) or 1.0
    parts: list[Markup | str] = [
        svg.text(round(left + wide * (place + 0.5), 1), 13, head)
        for place, head in enumerate(heads)
        if place % every == 0
    ]
    for down, (label, row) in enumerate(zip(rows, cells, strict=True)):
        y = top + high * down
        if down % every == 0:
            parts.append(svg.text(left - 6, y + high / 2 + 4, shortened(label), "end"))
        for across, share in enumerate(row):
            if share is None:
                continue
            x = left + wide * across
            shade = _shade(share / highest, numbers) if isinstance(share, float) else None
            kind = "untold" if shade is None else f"h{shade}"
            parts.append(svg.box(x, y, wide - 1, high - 1, kind, said=told(down, across)))
            if isinstance(share, float) and shade is not None and numbers and share >= 0.005:
                kind = "light" if shade >= SHADES // 2 + 1 else "dark"
                parts.append(svg.text(round(x + wide / 2, 1), y + high / 2 + 4, f"{100 * share:.0f}", kind=kind))
    return svg.picture(name, *said, parts, height=top + high * len(rows) + 2)


def _shade(share: float, is_uneven: bool) -> int:
    """Return the shade of a share from 0 to 1; where most are small, by its root, which tells them apart."""
    shown = min(max(share, 0.0), 1.0)
    return round((SHADES - 1) * (shown**0.5 if is_uneven else shown))


def pyramid(
    name: str,
    said: tuple[str, str],
    rows: Sequence[tuple[str, float, float | None]],
    heads: tuple[str, str],
) -> Markup:
    """Two shares of each row, back to back around its name; None where the right one is not known."""
    middle, half = WIDTH / 2, (WIDTH / 2) - 44
    height = 30 * len(rows) + 24
    widest = max([abs(share) for _, left, right in rows for share in (left, right or 0.0)], default=0.0) or 1.0
    length = Scale(0, widest, 0, half - 44)
    parts: list[Markup | str] = [
        svg.text(middle - 44, 13, heads[0], "end"),
        svg.text(middle + 44, 13, heads[1], "start"),
    ]
    for place, (label, left, right) in enumerate(rows):
        y = 22 + 30 * place
        parts.append(svg.text(middle, y + 16, label, kind="said"))
        parts.append(svg.box(middle - 44 - length(left), y, length(left), 24, "bar hidden"))
        parts.append(svg.text(middle - 49 - length(left), y + 16, percent(left), "end"))
        if right is None:
            parts.append(svg.text(middle + 49, y + 16, "not known", "start"))
            continue
        kind = "bar" if right >= 0 else "bar below"
        parts.append(svg.box(middle + 44, y, length(abs(right)), 24, kind))
        parts.append(svg.text(middle + 49 + length(abs(right)), y + 16, percent(right), "start"))
    return svg.picture(name, *said, parts, height=height)


def lorenz(name: str, said: tuple[str, str], curves: Sequence[tuple[str, Sequence[tuple[float, float]]]]) -> Markup:
    """Shares of a total by shares of those who bring it, from 0 to 1; the dotted line is equality."""
    lowest = min(share for _, points in curves for _, share in points)
    below = -0.25 * -(-max(-lowest, 0.0) // 0.25)
    x, y = Scale(0, 1, LEFT, WIDTH - RIGHT - 10), Scale(below, 1, HEIGHT + 30 - BOTTOM, TOP)
    parts: list[Markup | str] = []
    for step in (below, 0, 0.25, 0.5, 0.75, 1) if below else (0, 0.25, 0.5, 0.75, 1):
        parts += [
            svg.line(LEFT, y(step), WIDTH - RIGHT, y(step)),
            svg.text(LEFT - 5, y(step) + 4, f"{step:.0%}", "end"),
        ]
    parts += [svg.text(x(step), HEIGHT + 22, f"{step:.0%}") for step in (0, 0.2, 0.4, 0.6, 0.8, 1)]
    parts.append(svg.line(x(0), y(0), x(1), y(1), "even"))
    for place, (label, points) in enumerate(curves):
        kind = "curve" if not place else "curve other"
        parts.append(svg.curve([(x(of), y(share)) for of, share in points], kind))
        parts.append(svg.line(x(0.62), HEIGHT - 40 + 18 * place, x(0.68), HEIGHT - 40 + 18 * place, kind))
        parts.append(svg.text(x(0.7), HEIGHT - 36 + 18 * place, label, "start"))
    return svg.picture(name, *said, parts, height=HEIGHT + 30)


def beside_diagonal(name: str, said: tuple[str, str], points: Sequence[tuple[float, float, float, float]]) -> Markup:
    """What came, with its interval, by what was forecast, both from 0 to 1: (forecast, came, low, high)."""
    x, y = Scale(0, 1, LEFT, WIDTH - RIGHT - 10), Scale(0, 1, HEIGHT - BOTTOM, TOP)
    parts: list[Markup | str] = []
    for step in (0, 0.25, 0.5, 0.75, 1):
        parts += [
            svg.line(LEFT, y(step), WIDTH - RIGHT, y(step)),
            svg.text(LEFT - 5, y(step) + 4, f"{step:.0%}", "end"),
            svg.text(x(step), HEIGHT - 8, f"{step:.0%}"),
        ]
    parts.append(svg.line(x(0), y(0), x(1), y(1), "even"))
    for forecast, came, low, high in points:
        parts.append(svg.line(x(forecast), y(low), x(forecast), y(high), "whisker"))
        parts.append(svg.dot(x(forecast), y(came), "dot", 4))
    return svg.picture(name, *said, parts)


def shares(
    name: str, said: tuple[str, str], rows: Sequence[tuple[str, Sequence[float]]], parts_of: Sequence[str]
) -> Markup:
    """Rows that are divided into parts, with a legend."""
    x = Scale(0, 1, NAMES + 8, WIDTH - 2)
    drawn: list[Markup | str] = []
    left = 4.0
    for place, part in enumerate(parts_of):
        drawn += [svg.box(left, 4, 10, 10, f"part{place}"), svg.text(left + 14, 13, part, "start")]
        left += 34 + 6.8 * len(part)
    for down, (label, divided) in enumerate(rows):
        y = 24 + 26 * down
        drawn.append(svg.text(NAMES, y + 15, shortened(label), "end"))
        at = 0.0
        for place, share in enumerate(divided):
            if not share:
                continue
            told = f"{label}, {parts_of[place]}: {share:.0%}"
            drawn.append(svg.box(x(at), y, x(at + share) - x(at) - 1, 21, f"part{place}", said=told))
            if share >= 0.09:
                words = svg.text(round((x(at) + x(at + share)) / 2, 1), y + 15, f"{share:.0%}", kind=f"on{place}")
                drawn.append(words)
            at += share
    return svg.picture(name, *said, drawn, height=26 * len(rows) + 28)


def shortened(words: str, most: int = 22) -> str:
    """Return words that fit beside a row."""
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"


def cell_text(cell: Cell) -> str:
    """Return a cell of a heat map as text."""
    return "" if cell is None else cell if isinstance(cell, str) else percent(cell)
