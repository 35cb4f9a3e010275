"""Chapters of the service desk: how it went by month, and how content customers are."""

import datetime as dt
from collections.abc import Callable
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
    number,
)

BY_MONTH = """
select month_start_date, contacts, abandonment_rate, wait_seconds, complaint_rate, hours_to_resolve,
    first_contact_resolution, contacts_reason, cases_reason,
    last_day(month_start_date) <= (select as_of_date from marts.release) as is_over
from marts.service_kpis
where dimension = 'all'
order by month_start_date
"""
REASONS = """
select dimension_value as reason, sum(contacts) as contacts, sum(complaints) as complaints
from marts.service_kpis, marts.release
where dimension = 'reason' and month_start_date > release.as_of_date - interval 365 days
group by reason
order by contacts desc nulls last, reason
limit 10
"""
SATISFACTION = """
select dimension_value as segment, measure, counted_customers, value, value_low, value_high, response_share,
    purchases_of_answering, purchases_of_others, satisfaction_loyalty.unavailable_reason
from marts.satisfaction_loyalty
left join marts.segment_profile on dimension_value = segment_name
where dimension in ('all', 'segment') and measure in ('nps', 'loyalists', 'mercenaries', 'hostages', 'defectors')
order by dimension, segment_rank, dimension_value, measure
"""
MOST_MONTHS = 36
CLASSES = ("loyalists", "hostages", "mercenaries", "defectors")


def by_month(marts: Marts) -> Content | str:
    """Contacts, waits, complaints and resolutions by month."""
    found = marts.rows(BY_MONTH)[-MOST_MONTHS:]
    if not any(row[1] for row in found) and not any(row[4] is not None for row in found):
        reasons = dict.fromkeys(reason for row in found for reason in row[7:9] if reason)
        return " ".join(sentence(reason) for reason in reasons) or "No contact and no case is known."
    months = [row[0] for row in found]
    shown: tuple[tuple[str, str, int, Callable[[float], str]], ...] = (
        ("contacts", "Contacts", 1, lambda x: f"{x:,.0f}"),
        ("abandoned", "Inbound contacts that were given up", 2, lambda x: f"{x:.0%}"),
        ("wait", "Seconds until somebody answered", 3, lambda x: f"{x:,.0f}"),
        ("complaints", "Complaints per 100 purchases", 4, lambda x: f"{100 * x:.1f}"),
        ("resolved", "Hours until a case was resolved", 5, lambda x: f"{x:,.0f}"),
        ("first-contact", "Cases resolved with the first contact", 6, lambda x: f"{x:.0%}"),
    )
    pictures = tuple(
        _line(name, what, months, [number(row[place]) for row in found], form)
        for name, what, place, form in shown
        if any(row[place] is not None for row in found)
    )
    return Content(_of_service(found), pictures, _reasons(marts))


def _line(
    name: str, what: str, months: list[dt.date], values: list[float | None], form: Callable[[float], str]
) -> Picture:
    labels = [f"{month:%b %y}" for month in months]
    known = [(label, value) for label, value in zip(labels, values, strict=True) if value is not None]
    said = f"{form(known[-1][1])} in {known[-1][0]}; from {form(min(v for _, v in known))} to "
    said += f"{form(max(v for _, v in known))} over {counted(len(known), 'month')}."
    chart = charts.line_over_time(name, (what, said), labels, values, form)
    cells = (UNKNOWN if value is None else form(value) for value in values)
    return Picture(what, chart, said, ("Month", "Value"), tuple(zip(labels, cells, strict=True)))


def _of_service(found: list[tuple[Any, ...]]) -> str:
    """Return the last month that is over beside the mean of the 12 before."""
    over = [row for row in found if row[9]] or found
    last, before = over[-1], over[-13:-1]
    told = []
    for place, what, form in (
        (1, "contacts", lambda x: f"{x:,.0f}"),
        (2, "of the inbound ones given up", percent),
        (4, "complaints per 100 purchases", lambda x: f"{100 * x:.1f}"),
        (5, "hours until a case is resolved", lambda x: f"{x:,.0f}"),
    ):
        usual = [float(row[place]) for row in before if row[place] is not None]
        if last[place] is not None:
            mean = f" ({form(sum(usual) / len(usual))})" if usual else ""
            told.append(f"{form(float(last[place]))} {what}{mean}")
    beside = f" (in brackets: mean of the {counted(len(before), 'month')} before)" if before else ""
    return f"{last[0]:%B %Y}{beside}: {', '.join(told)}."


def _reasons(marts: Marts) -> tuple[Table, ...]:
    rows = tuple(
        (reason.replace("_", " "), count_text(contacts), count_text(complaints))
        for reason, contacts, complaints in marts.rows(REASONS)
    )
    heads = ("Reason", "Contacts", "Complaints")
    return (Table("Why customers got in touch, last 12 months.", heads, rows),) if rows else ()


def satisfaction(marts: Marts) -> Content | str:
    """How content customers are by segment, with intervals, and how their loyalty fits."""
    found: dict[str, dict[str, tuple[Any, ...]]] = {}
    for group, measure, *figures in marts.rows(SATISFACTION):
        found.setdefault(group, {})[measure] = tuple(figures)
    known = [group for group, measures in found.items() if _value(measures, "nps") is not None]
    classed = [group for group, measures in found.items() if _value(measures, "loyalists") is not None]
    if not known and not classed:
        return "Nobody has answered a survey, or too few did to speak of them."
    pictures = []
    if known:
        pictures.append(_nps(found, known))
    if classed:
        pictures.append(_classes(found, classed))
    return Content(_of_answers(found), tuple(pictures), remarks=_withheld(found))


def _value(measures: dict[str, tuple[Any, ...]], measure: str) -> float | None:
    return float(measures[measure][1]) if measure in measures and measures[measure][1] is not None else None


def _of_answers(found: dict[str, dict[str, tuple[Any, ...]]]) -> str:
    """Return NPS, how many answered, and how they differ from those who did not."""
    nps = found.get("all", {}).get("nps")
    if not nps or nps[1] is None:
        return "Nobody's willingness to recommend is known of all customers together."
    counted_customers, value, low, high, share, answering, others, _ = nps
    said = f"NPS {value:.0f} ({low:.0f} to {high:.0f}) by {counted(counted_customers, 'customer')}"
    if share is not None:
        said += f", {percent(float(share))} of the year's buyers"
    if answering is not None and others is not None:
        said += f". They bought {float(answering):.1f} times, those who did not answer {float(others):.1f} times"
    return f"{said}."


def _nps(found: dict[str, dict[str, tuple[Any, ...]]], known: list[str]) -> Picture:
    drawn, rows = [], []
    for group in known:
        answers, value, low, high, *_ = found[group]["nps"]
        certain = low is not None and (low > 0 or high < 0)
        drawn.append((_group(group), float(value), number(low), number(high), certain))
        interval = UNKNOWN if low is None else f"{low:.0f} to {high:.0f}"
        rows.append((_group(group), f"{answers:,}", f"{value:.0f}", interval))
    said = "Share of promoters less share of detractors, times 100, with 95 % intervals. Grey: may be zero."
    chart = charts.intervals("nps", ("Net promoter score by segment", said), drawn, lambda x: f"{x:.0f}")
    heads = ("Segment", "Answers", "NPS", "95 % interval")
    return Picture("Net promoter score by segment", chart, said, heads, tuple(rows))


def _classes(found: dict[str, dict[str, tuple[Any, ...]]], classed: list[str]) -> Picture:
    drawn, rows = [], []
    for group in classed:
        divided = [_value(found[group], name) or 0.0 for name in CLASSES]
        drawn.append((_group(group), divided))
        rows.append((_group(group), *(percent(share) for share in divided)))
    said = "Loyalists are content and stay; hostages stay, not content; mercenaries are content and do not stay."
    chart = charts.shares("classes", ("Satisfaction and loyalty by segment", said), drawn, CLASSES)
    return Picture(
        "Satisfaction and loyalty by segment",
        chart,
        said,
        ("Segment", *CLASSES),
        tuple(rows),
    )


def _withheld(found: dict[str, dict[str, tuple[Any, ...]]]) -> tuple[str, ...]:
    by_reason: dict[str, list[str]] = {}
    for group, measures in found.items():
        reason = measures["nps"][7] if "nps" in measures else None
        if reason:
            by_reason.setdefault(reason, []).append(_group(group))
    return tuple(f"NPS {WITHHELD} or unknown, {reason}: {', '.join(groups)}." for reason, groups in by_reason.items())


def _group(group: str) -> str:
    return "All customers" if group == "all" else group
