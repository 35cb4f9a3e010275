"""The chapter of the campaigns: what each changed, against its control group."""

from typing import Any

from markupsafe import Markup

from pipeline.base.numbers import counted
from pipeline.outputs.report import charts
from pipeline.outputs.report.chapter import UNKNOWN, Content, Marts, Picture, Table, count_text, number

MOST = 20
CAMPAIGNS = f"""
select campaign_id, objective, start_date, treated_customers, control_customers, incremental_purchases_per_customer,
    incremental_purchases_per_customer_low, incremental_purchases_per_customer_high, is_effect_certain,
    cost_amount, incremental_profit, incremental_profit_low, incremental_profit_high, verdict, decision,
    offer, channel
from marts.campaign_performance
order by start_date desc, campaign_id
limit {MOST}
"""


def campaigns(marts: Marts) -> Content | str:
    """The newest campaigns: purchases that they caused, what they cost, and what follows."""
    found = marts.rows(CAMPAIGNS)
    if not found:
        return "No campaign has begun by the as-of date."
    judged = [row for row in found if row[5] is not None]
    rows = tuple(
        (
            Markup("{}<small>{}</small>").format(_campaign(row), _offer(row)),
            f"{row[3] or 0:,}, {row[4] or 0:,}",
            row[13],
            count_text(row[9]),
            count_text(row[10]),
            UNKNOWN if row[11] is None else f"{row[11]:,.0f} to {row[12]:,.0f}",
            row[14] or "",
        )
        for row in found
    )
    heads = ("Campaign", "Treated, control", "Verdict", "Cost", "Profit", "95 % interval", "What follows")
    table = Table(
        f"Profit after the campaign's cost, in {marts.currency}", heads, rows, frozenset({2, 6}), is_wide=True
    )
    return Content(_of_campaigns(found), (_effects(judged),) if judged else (), (table,))


def _of_campaigns(found: list[tuple[Any, ...]]) -> str:
    judged = [row for row in found if row[8] is not None]
    certain = [row for row in judged if row[8]]
    loss = [row for row in found if row[12] is not None and row[12] < 0]
    gain = [row for row in found if row[11] is not None and row[11] > 0]
    told = [
        f"{'The newest ' if len(found) == MOST else ''}{counted(len(found), 'campaign')}, {len(judged)} judged",
        f"{len(certain)} certainly changed what customers buy",
        f"{len(gain)} certainly paid",
        f"{len(loss)} certainly cost more than {'it' if len(loss) == 1 else 'they'} brought",
    ]
    return f"{told[0]}: {', '.join(told[1:])}."


def _effects(judged: list[tuple[Any, ...]]) -> Picture:
    drawn = [(_campaign(row), float(row[5]), number(row[6]), number(row[7]), bool(row[8])) for row in judged]
    said = "Purchases that a campaign caused per treated customer, with 95 % intervals. Green: a certain effect."
    chart = charts.intervals("campaigns", ("Effects of campaigns", said), drawn, lambda x: f"{round(x, 2) + 0.0:.2f}")
    rows = tuple(
        (label, f"{value:.3f}", UNKNOWN if low is None else f"{low:.3f} to {high:.3f}")
        for label, value, low, high, _ in drawn
    )
    return Picture("Effects beside the control group", chart, said, ("Campaign", "Effect", "95 % interval"), rows)


def _offer(row: tuple[Any, ...]) -> str:
    return ", ".join(str(word) for word in row[15:17] if word)


def _campaign(row: tuple[Any, ...]) -> str:
    """Return a campaign's name at its source, and its month."""
    name = str(row[0]).rpartition(":")[2]
    return f"{name}, {row[2]:%b %Y}" if row[2] else name
