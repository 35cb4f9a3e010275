"""Chapters of the company: sales, and the scorecard by which customer management is judged."""

import datetime as dt
from typing import Any

from markupsafe import Markup

from pipeline.base.numbers import counted
from pipeline.outputs.figures import percent, short_money
from pipeline.outputs.report import charts
from pipeline.outputs.report.chapter import UNKNOWN, Content, Marts, Picture, Table, group_name

SALES = """
select month_start_date, value, is_complete_month
from marts.metrics_monthly
where metric = 'net_sales' and dimension = 'all'
order by month_start_date
"""
BUYERS = """
select month_start_date, value
from marts.metrics_monthly
where metric = 'new_customers' and dimension = 'all'
order by month_start_date
"""
SCORECARD = """
select measure, definition, unit, direction, month_start_date, value, value_year_before, trend_per_month,
    (
        select max(earlier.month_start_date) from marts.crm_scorecard as earlier
        where earlier.measure = crm_scorecard.measure and earlier.is_break
    ) as last_break
from marts.crm_scorecard
where value is not null and is_complete_month
qualify row_number() over (partition by measure order by month_start_date desc) = 1
order by measure
"""
MOST_MONTHS = 36


def sales(marts: Marts) -> Content | str:
    """Net sales and new customers by month."""
    found = [(month, float(value or 0), over) for month, value, over in marts.rows(SALES)][-MOST_MONTHS:]
    if not any(value for _, value, _ in found):
        return "No net sales up to the as-of date."
    months, values, over = zip(*found, strict=True)
    newcomers = marts.rows(BUYERS)[-MOST_MONTHS:]
    pictures = [_by_month(marts, months, values, over)]
    if any(value for _, value in newcomers):
        pictures.append(_newcomers(newcomers))
    return Content(_of_sales(marts, [each for each in found if each[2]] or found), tuple(pictures))


def _of_sales(marts: Marts, found: list[tuple[dt.date, float, bool]]) -> str:
    """Return the last month beside that of the year before, and the last year beside the one before."""
    month, value, is_over = found[-1]
    said = f"Net sales of {month:%B %Y}: {marts.money(value)}" + ("" if is_over else ", a month that is not over")
    by_month = {month: value for month, value, _ in found}
    before = by_month.get(dt.date(month.year - 1, month.month, 1))
    if before and before > 0:
        said += f", {_change(value, before)} than a year before"
    values = [value for _, value, _ in found]
    if len(values) >= 24 and sum(values[-24:-12]) > 0:
        year, last = sum(values[-12:]), sum(values[-24:-12])
        said += f". The last 12 months brought {marts.money(year)}, {_change(year, last)} than the 12 before"
    return f"{said}."


def _change(value: float, before: float) -> str:
    share = value / before - 1
    return f"{percent(abs(share))} {'more' if share >= 0 else 'less'}"


def _by_month(marts: Marts, months: Any, values: Any, over: Any) -> Picture:
    best = max(range(len(values)), key=lambda place: values[place])
    said = f"{counted(len(months), 'month')}; most in {months[best]:%B %Y}, {marts.money(values[best])}."
    labels = [f"{month:%b %y}" for month in months]
    pale = 0 if over[-1] else 1
    chart = charts.columns(
        "net-sales", ("Net sales by month", said), labels, values, lambda x: short_money(x, marts.currency), pale=pale
    )
    caption = f"{said} Before refunds." + (" The last month is not over." * pale)
    rows = tuple((label, f"{value:,.0f}") for label, value in zip(labels, values, strict=True))
    return Picture("Net sales by month", chart, caption, ("Month", "Net sales"), rows)


def _newcomers(found: list[tuple[dt.date, Any]]) -> Picture:
    labels = [f"{month:%b %y}" for month, _ in found]
    values = [float(value or 0) for _, value in found]
    said = f"{sum(values):,.0f} customers bought for the first time in {counted(len(found), 'month')}."
    chart = charts.columns("new-customers", ("New customers by month", said), labels, values, lambda x: f"{x:,.0f}")
    rows = tuple((label, f"{value:,.0f}") for label, value in zip(labels, values, strict=True))
    return Picture("New customers by month", chart, said, ("Month", "Customers"), rows)


def scorecard(marts: Marts) -> Content | str:
    """Each figure of the scorecard: its last complete month, a year before, trend and break."""
    found = marts.rows(SCORECARD)
    if not found:
        return "No figure of the scorecard is known for a complete month."
    rows: list[tuple[str | Markup, ...]] = []
    verdicts: dict[str, list[str]] = {"better": [], "worse": [], "unchanged": [], UNKNOWN: []}
    breaks: list[str] = []
    for measure, definition, unit, direction, month, value, before, trend, broken in found:
        name = _measure(measure)
        verdict = _verdict(value, before, direction)
        verdicts[verdict].append(name)
        if broken:
            breaks.append(f"{name} since {broken:%B %Y}")
        named = Markup('{}{}<small class="roomy">{}</small>').format(name[0].upper(), name[1:], definition)
        rows.append((named, f"{month:%b %Y}", *(_figure(each, unit) for each in (value, before)), verdict))
        rows[-1] = (*rows[-1], _figure(trend, unit, "+"))
    heads = ("Figure", "Month", "Value", "Year before", "It is", "Trend a month")
    caption = f"The last complete month in which each figure is known; amounts in {marts.currency}."
    told = [f"{verdict}: {', '.join(verdicts[verdict])}" for verdict in ("better", "worse") if verdicts[verdict]]
    said = f"Beside a year before, {'; '.join(told)}." if told else "Nothing is known of the year before."
    if breaks:
        said += f" Another level for certain: {', '.join(breaks)}."
    return Content(said, tables=(Table(caption, heads, tuple(rows), frozenset({1, 4})),))


def _verdict(value: Any, before: Any, direction: str) -> str:
    if before is None:
        return UNKNOWN
    gain = (value - before) * (1 if direction == "up" else -1)
    return "better" if gain > 0 else "worse" if gain < 0 else "unchanged"


def _measure(name: str) -> str:
    """Return the name of a figure as words."""
    return {"nps": "NPS", "csat": "CSAT", "ces": "CES"}.get(name, group_name(name))


def _figure(value: Any, unit: str, sign: str = "") -> str:
    """Return a figure in its unit; changes of a share are in percentage points."""
    if value is None:
        return UNKNOWN
    number = float(value)
    if unit == "ratio":
        return f"{100 * number:{sign},.1f}{' pp' if sign else '%'}"
    if unit == "currency":
        return f"{number:{sign},.2f}" if abs(number) < 100 else f"{number:{sign},.0f}"
    return f"{number:{sign},.1f}" if sign or number != round(number) else f"{number:,.0f}"
