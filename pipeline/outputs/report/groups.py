"""Chapters of the groups: segments, and the tiers of the customer pyramid."""

from typing import Any

from pipeline.base.numbers import counted
from pipeline.outputs.figures import percent
from pipeline.outputs.report import charts
from pipeline.outputs.report.chapter import (
    UNKNOWN,
    WITHHELD,
    Content,
    Marts,
    Picture,
    Table,
    count_text,
    number,
    share_text,
    with_bar,
)

SEGMENTS = """
select segment_name, customers, customer_share, net_sales_share, net_sales, clv_future, average_churn_probability,
    average_net_sales, average_recency_days, description, advice, unavailable_reason
from marts.segment_profile
order by segment_rank
"""
BEHAVIOUR = """
select behaviour_name, customers, customer_share, description, advice
from marts.behaviour_profile
order by behaviour_id
"""
TIERS = """
select tier, customers, tier_value, tier_value_share, unprofitable_customers, tier_value_basis,
    waits_kept_share, first_responses_kept_share, campaigns_a_year, promised_campaigns_a_year
from marts.tier_treatment
where tier <> 'none' and customers > 0
order by tier_rank
"""


def segments(marts: Marts) -> Content | str:
    """Who the customers are, what each group brings, and what to do with it."""
    found = marts.rows(SEGMENTS)
    if not found:
        return "No customer has a segment."
    future = [number(row[5]) for row in found]
    known = [value for value in future if value is not None]
    total = sum(known) if known and min(known) >= 0 and sum(known) > 0 else None
    ahead = [value / total if total and value is not None else None for value in future]
    tables = (_shares_of_segments(found, ahead), _advice(marts, found), *_behaviour(marts))
    return Content(_of_segments(found, ahead), tables=tables, remarks=_no_behaviour(marts))


def _shares_of_segments(found: list[tuple[Any, ...]], ahead: list[float | None]) -> Table:
    rows = []
    for row, future in zip(found, ahead, strict=True):
        name, customers, share, sales, *_, withheld = row
        bars = (with_bar(sales), with_bar(future), with_bar(row[6], "risk"))
        told = (WITHHELD,) * len(bars) if withheld else bars
        rows.append((name, count_text(customers, WITHHELD), with_bar(share, "soft"), *told))
    heads = ("Segment", "Customers", "of the buyers", "of their net sales", "of the future value", "churn risk, mean")
    return Table("What each segment is of the whole.", heads, tuple(rows), frozenset(range(2, 6)))


def _advice(marts: Marts, found: list[tuple[Any, ...]]) -> Table:
    """Return what the customers of each segment do on average, and what to do with them."""
    rows = tuple(
        (
            *(row[0], row[9] or UNKNOWN),
            *(count_text(mean, WITHHELD if row[11] else UNKNOWN) for mean in row[7:9]),
            row[10] or UNKNOWN,
        )
        for row in found
    )
    heads = ("Segment", "What its customers do", "Net sales each", "Days since", "What to do")
    caption = f"What to do with each segment; net sales in {marts.currency}, days since the newest purchase."
    return Table(caption, heads, rows, frozenset({1, 4}))


def _of_segments(found: list[tuple[Any, ...]], ahead: list[float | None]) -> str:
    """Return which segment brings most, and what is expected of it."""
    known = [place for place, row in enumerate(found) if row[3] is not None]
    if not known:
        below = any(row[4] is not None and row[4] < 0 for row in found)
        return "No shares of net sales: " + ("a segment's are below zero." if below else "they have brought none.")
    top = max(known, key=lambda place: float(found[place][3]))
    name, _, share, sales, *_ = found[top]
    future = ahead[top]
    more = "" if future is None else f", and {percent(future)} of what is expected of all"
    return f"{name}: {share_text(share)} of the buyers, {percent(sales)} of their net sales{more}."


def _behaviour(marts: Marts) -> tuple[Table, ...]:
    found = marts.rows(BEHAVIOUR)
    rows = tuple(
        (
            name,
            WITHHELD if customers is None else f"{customers:,}",
            WITHHELD if share is None else percent(share),
            description,
            advice,
        )
        for name, customers, share, description, advice in found
    )
    heads = ("Group", "Customers", "Share", "What it does", "What to do")
    return (Table("Customers who buy alike.", heads, rows, frozenset({3, 4})),) if rows else ()


def _no_behaviour(marts: Marts) -> tuple[str, ...]:
    why = marts.why("behaviour")
    return (f"Groups of customers who buy alike: {why}",) if why else ()


def tiers(marts: Marts) -> Content | str:
    """The customer pyramid: what each tier brings, and whether it gets what it is promised."""
    rows = marts.rows(TIERS)
    if not rows:
        return "No customer has a tier."
    customers = sum(row[1] for row in rows)
    brought = "profit" if rows[0][5] == "margin" else "net sales"
    said = _of_tiers(rows, customers, brought)
    drawn = [(row[0], row[1] / customers, number(row[3])) for row in rows]
    chart = charts.pyramid("pyramid", ("The customer pyramid", said), drawn, ("customers", brought))
    heads = ("Tier", "Customers", f"{brought.capitalize()}, {marts.currency}", "Share", "Unprofitable")
    figures = tuple(
        (tier, f"{many:,}", count_text(value), share_text(share), count_text(losses, WITHHELD))
        for tier, many, value, share, losses, *_ in rows
    )
    caption = f"Left: share of the customers. Right: share of the {brought} of 12 months."
    picture = Picture("The customer pyramid", chart, caption, heads, figures)
    return Content(said, (picture,), _promises(rows))


def _of_tiers(rows: list[tuple[Any, ...]], customers: int, brought: str) -> str:
    """Return what the best tier brings, and how many customers cost more than they bring."""
    tier, many, _, share, *_ = rows[0]
    said = f"{tier.capitalize()}: {percent(many / customers)} of the buyers"
    if share is not None:
        said += f", {percent(float(share))} of the {brought}"
    losses = sum(row[4] or 0 for row in rows)
    return f"{said}. {counted(losses, 'customer')} cost more than they brought." if losses else f"{said}."


def _promises(rows: list[tuple[Any, ...]]) -> tuple[Table, ...]:
    kept = tuple(
        (tier, share_text(waits), share_text(answers), _rate(sent), _rate(promised))
        for tier, *_, waits, answers, sent, promised in rows
    )
    heads = ("Tier", "Waits kept", "First answers kept", "Campaigns a year", "At most promised")
    return (Table("What each tier is promised, and got in the last 12 months.", heads, kept),)


def _rate(number: float | None) -> str:
    return UNKNOWN if number is None else f"{number:.1f}"
