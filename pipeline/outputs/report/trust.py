"""Chapters of trust: what became of the rows, who is known across sources, and which models are published."""

from typing import Any

from pipeline.base.numbers import counted
from pipeline.outputs.figures import percent, sentence
from pipeline.outputs.report.chapter import UNKNOWN, Content, Marts, Table, count_text

ROWS = """
select source, sum(received) as received, sum(accepted) as accepted, sum(quarantined) as quarantined,
    sum(duplicates) as duplicates, sum(excluded) as excluded
from ops.load_receipts
group by source
order by source
"""
LATE = """
select source, table_name
from ops.source_freshness
where is_late
order by source, table_name
"""
WHY = """
select regexp_replace(reason, ' \\(.*', '') as kind, count(*) as "rows"
from ops.quarantine
group by kind
order by count(*) desc, kind
limit 8
"""
IDENTITY = """
select source_system, records, linked_records, review_records, email_records, phone_records, address_records,
    unavailable_reason
from marts.identity_coverage
order by source_system
"""
MODELS = """
select distinct job, is_published, baseline_name, coalesce(decision, failure) as decision
from marts.model_runs
order by job, decision
"""


def data(marts: Marts) -> Content | str:
    """What became of the rows, by source, and how many records of customers are known elsewhere too."""
    found = marts.rows(ROWS)
    received = sum(row[1] or 0 for row in found)
    if not received:
        return "No row was received."
    accepted, quarantined = (sum(row[place] or 0 for row in found) for place in (2, 3))
    reasons = marts.rows(WHY)
    said = f"{float(accepted / received):.1%} of {received:,.0f} rows were accepted"
    said += f", {quarantined:,.0f} set aside in quarantine"
    if reasons and quarantined:
        said += f", most often for: {reasons[0][0]}"
    late = [f"{source}.{table}" for source, table in marts.rows(LATE)]
    identity = marts.rows(IDENTITY)
    tables = [_fates(found), _quarantine(reasons), _identity(identity)]
    remarks = [f"Late, with nothing new for longer than agreed: {', '.join(late)}."] if late else []
    remarks += [f"{row[0]}: {sentence(row[7])}" for row in identity if row[7]]
    return Content(
        f"{said}. {_linked(identity)}", tables=tuple(table for table in tables if table.rows), remarks=tuple(remarks)
    )


def _fates(found: list[tuple[Any, ...]]) -> Table:
    rows = tuple((row[0], *(f"{number or 0:,.0f}" for number in row[1:])) for row in found)
    heads = ("Source", "Received", "Accepted", "Quarantined", "Duplicates", "Excluded")
    return Table("What became of the rows.", heads, rows)


def _quarantine(reasons: list[tuple[Any, ...]]) -> Table:
    return Table("Why rows are in quarantine.", ("Reason", "Rows"), tuple((why, f"{rows:,}") for why, rows in reasons))


def _identity(found: list[tuple[Any, ...]]) -> Table:
    rows = tuple(
        (
            *(source, f"{records:,}", _part(linked, records), count_text(doubtful)),
            *(_part(number, records) for number in fields),
        )
        for source, records, linked, doubtful, *fields, _ in found
    )
    heads = ("Source", "Records", "known elsewhere", "In doubt", "with e-mail", "with phone", "with address")
    return Table("Records of customers.", heads, rows)


def _linked(found: list[tuple[Any, ...]]) -> str:
    records = sum(row[1] or 0 for row in found)
    linked = sum(row[2] or 0 for row in found)
    if not records:
        return "No source has records of customers."
    if all(row[7] for row in found):
        return "No record of a customer can be matched with another."
    return f"{percent(linked / records)} of {counted(records, 'record')} of customers are known by another record too."


def _part(number: Any, whole: int) -> str:
    return UNKNOWN if number is None or not whole else percent(number / whole)


def models(marts: Marts) -> Content | str:
    """Each model: whether it is published, and why."""
    found = marts.rows(MODELS)
    if not found:
        return "No model could be trained on these data."
    published = [job for job, is_published, *_ in found if is_published]
    refused = [job for job, is_published, *_ in found if not is_published]
    said = f"Published: {', '.join(published) or 'none'}."
    if refused:
        said += f" Not published: {', '.join(refused)}."
    rows = tuple(
        (job, "published" if is_published else "not published", baseline or UNKNOWN, decision or UNKNOWN)
        for job, is_published, baseline, decision in found
    )
    table = Table("Each model beside its baseline.", ("Model", "State", "Baseline", "Why"), rows, frozenset({1, 2, 3}))
    return Content(said, tables=(table,))
