"""Chapters of value: who buys again, and how few bring how much."""

from itertools import pairwise
from typing import Any

from pipeline.base.numbers import counted
from pipeline.outputs.figures import percent, sentence
from pipeline.outputs.report import charts
from pipeline.outputs.report.chapter import (
    UNKNOWN,
    WITHHELD,
    Content,
    Marts,
    Picture,
    Table,
    count_text,
    share_text,
)

COHORTS = """
select cohort_month, months_since, cohort_customers, active_customers, active_share
from marts.cohort_retention, marts.release
where dimension = 'all' and months_since >= 1
    and last_day(cohort_month + to_months(months_since::int)) <= release.as_of_date
    and cohort_month + interval 25 months > release.as_of_date
order by cohort_month, months_since
"""
CHANNELS = """
select dimension_value as channel,
    sum(cohort_customers) filter (months_since = 12) as customers,
    sum(active_customers) filter (months_since = 3) / sum(cohort_customers) filter (months_since = 3) as month_3,
    sum(active_customers) filter (months_since = 12) / sum(cohort_customers) filter (months_since = 12) as month_12,
    sum(margin_to_date) filter (months_since = 12) / sum(cohort_customers) filter (months_since = 12) as margin,
    sum(acquisition_cost_to_date) filter (months_since = 12) / sum(cohort_customers) filter (months_since = 12) as cost
from marts.cohort_retention, marts.release
where dimension = 'acquisition_channel' and active_customers is not null
    and last_day(cohort_month + interval 12 months) <= release.as_of_date
group by channel
having customers > 0
order by customers desc, channel
"""
PAYBACK = """
select count(*) as cohorts, count(payback_months) as paid_back, median(payback_months)::int as payback_months
from (
    select cohort_month,
        min(months_since) filter (margin_to_date >= acquisition_cost_to_date) as payback_months
    from marts.cohort_retention
    where dimension = 'all' and margin_to_date is not null and acquisition_cost_to_date is not null
    group by cohort_month
)
"""
CURVES = """
select member, measure, member_share, value_share
from marts.concentration_curve
where measure = 'net_revenue' and value_share is not null
order by member, point
"""
CONCENTRATION = """
select member, measure, members, total, gini, top_10_share, top_20_share, negative_members, unavailable_reason
from marts.concentration
order by member, measure <> 'net_revenue', measure
"""
COHORT_AGES = (1, 3, 6, 12)
"""Ages in months of which the sentence speaks."""


def cohorts(marts: Marts) -> Content | str:
    """The share of the customers won in a month who buy in each month since, and which channel wins those who stay."""
    found = marts.rows(COHORTS)
    if not found:
        return "No month after one with first purchases is over."
    pictures = (_heat_map(found),)
    return Content(f"{_of_cohorts(found)}{_payback(marts)}", pictures, _channels(marts))


def _heat_map(found: list[tuple[Any, ...]]) -> Picture:
    months = sorted({row[0] for row in found})
    ages = list(range(1, max(row[1] for row in found) + 1))
    shares: dict[tuple[Any, int], charts.Cell] = {
        (month, age): WITHHELD if share is None else float(share) for month, age, _, _, share in found
    }
    labels = [f"{month:%b %y}" for month in months]
    cells = [[shares.get((month, age)) for age in ages] for month in months]

    def told(down: int, across: int) -> str:
        return f"{labels[down]}, month {ages[across]}: {charts.cell_text(cells[down][across])}"

    known = [cell for cell in shares.values() if isinstance(cell, float)]
    caption = "Down: month of the first purchase. Right: months since."
    caption += f" Darkest: {percent(max(known))} of the cohort." if known else ""
    title = "Share of a cohort who buy, by month"
    heads = [str(age) for age in ages]
    chart = charts.heat_map("cohorts", (title, caption), labels, heads, cells, told=told, numbers=False, every=3)
    sizes = {month: customers for month, _, customers, _, _ in found}
    rows = tuple(
        (label, count_text(sizes[month], WITHHELD), *(charts.cell_text(cell) for cell in row))
        for label, month, row in zip(labels, months, cells, strict=True)
    )
    return Picture(title, chart, caption, ("Cohort", "Customers", *(f"+{age}" for age in ages)), rows)


def _of_cohorts(found: list[tuple[Any, ...]]) -> str:
    told = []
    for age in COHORT_AGES:
        of_age = [row for row in found if row[1] == age and row[3] is not None]
        if of_age:
            share = sum(row[3] for row in of_age) / sum(row[2] for row in of_age)
            told.append(f"{percent(share)} in month {age}")
    if not told:
        return "Every cohort is withheld: of too few customers."
    return f"Of the customers won in the last two years, this share buys again: {', '.join(told)}."


def _payback(marts: Marts) -> str:
    everybody, paid_back, months = marts.one(PAYBACK)
    if not everybody:
        return ""
    said = f" {paid_back} of {counted(everybody, 'cohort')} have paid back what it cost to win them"
    if not paid_back:
        return f"{said}."
    when = f"within {counted(months, 'month')}" if months else "in the month of the first purchase"
    return f"{said}, half of them {when}."


def _channels(marts: Marts) -> tuple[Table, ...]:
    rows = tuple(
        (channel, count_text(customers), share_text(quarter), share_text(year), count_text(margin), count_text(cost))
        for channel, customers, quarter, year, margin, cost in marts.rows(CHANNELS)
    )
    heads = ("Won by", "Customers", "Buy in month 3", "Buy in month 12", "Margin each, 12 months", "Cost each")
    caption = f"Which channel wins customers who stay: those whose first year is over, in {marts.currency}."
    return (Table(caption, heads, rows),) if rows else ()


def concentration(marts: Marts) -> Content | str:
    """How few customers and products bring how much."""
    found = marts.rows(CONCENTRATION)
    known = [row for row in found if row[4] is not None]
    if not known:
        return next((sentence(row[8]) for row in found if row[8]), "Nobody has bought in the last 365 days.")
    rows = tuple(
        (
            f"{_name(measure)} of {member}s",
            f"{members:,}",
            f"{total:,.0f}",
            UNKNOWN if gini is None else f"{gini:.2f}",
            share_text(ten),
            share_text(twenty),
            WITHHELD if negative is None else f"{negative:,}",
        )
        for member, measure, members, total, gini, ten, twenty, negative, _ in known
    )
    heads = ("What", "Members", "Total", "Gini", "Best 10%", "Best 20%", "Below zero")
    table = Table(f"Last 365 days, in {marts.currency}; future values are of the year ahead.", heads, rows)
    drawn: dict[str, list[tuple[float, float]]] = {}
    for member, _, of, share in marts.rows(CURVES):
        drawn.setdefault(member, []).append((float(of), float(share)))
    said = _of_concentration(known)
    pictures = (_lorenz(drawn, said),) if drawn else ()
    return Content(said, pictures, (table,))


def _of_concentration(known: list[tuple[Any, ...]]) -> str:
    told = [
        f"The best 10% of {member}s bring {percent(float(ten))} of the net revenue"
        for member, measure, _, _, _, ten, *_ in known
        if measure == "net_revenue" and ten is not None
    ]
    return ". ".join(told) + "." if told else "No share of the net revenue is known."


def _lorenz(drawn: dict[str, list[tuple[float, float]]], said: str) -> Picture:
    curves = [(f"{member}s", points) for member, points in drawn.items()]
    chart = charts.lorenz("lorenz", ("Lorenz curves of net revenue", said), curves)
    caption = (
        "The share of the net revenue (up) that the smallest of them bring together (right). Along the dotted line all"
        " would bring the same."
    )
    at = [0.5, 0.8, 0.9, 0.95, 1.0]
    rows = tuple(
        (f"smallest {share:.0%}", *(share_text(_value_at(points, share)) for _, points in curves)) for share in at
    )
    heads = ("Members", *(f"of {label}" for label, _ in curves))
    return Picture("Lorenz curves of net revenue", chart, caption, heads, rows)


def _value_at(points: list[tuple[float, float]], share: float) -> float:
    """Return the height of a curve, between the points that are known."""
    for (left, low), (right, high) in pairwise(points):
        if left <= share <= right:
            return low + (high - low) * ((share - left) / (right - left) if right > left else 1.0)
    return points[-1][1]


def _name(value: str) -> str:
    return value.replace("_", " ").replace("clv future", "future value")
