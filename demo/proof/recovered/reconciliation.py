"""Reconciliation: the facts against the generator's own totals, and each row's fate, to the row and the cent."""

from dataclasses import replace

from demo.proof.row import Row, judged, not_yet
from demo.proof.trial import Trial

NONE = "cast(null as decimal(18, 4))"
LINES, RETURNS, PAYMENTS = "core.fct_order_line", "core.fct_return", "core.fct_payment"
CONTACTS, CASES, SURVEYS = "core.fct_contact", "core.fct_case", "core.fct_survey_response"
OPPORTUNITIES, SESSIONS, COSTS = "core.fct_opportunity", "core.fct_web_session", "core.fct_cost"
# total of truth/totals.parquet: table, its rows, its amount, which rows
Fact = tuple[str, str, str, str]
FACTS: dict[str, Fact] = {
    "orders": ("core.fct_order", "count(*)", NONE, "true"),
    "order_lines": (LINES, "count(*)", "sum(net_amount)", "true"),
    "net_sales": (LINES, "count(*)", "sum(case when is_sale then net_amount end)", "true"),
    **{
        f"net_sales {kind}": (LINES, "count(*)", "sum(net_amount)", f"line_type = '{kind}'")
        for kind in ("product", "shipping", "discount")
    },
    "cost_of_goods": (LINES, "count(*)", "sum(cost_amount)", "line_type = 'product'"),
    "payments": (PAYMENTS, "count(*)", "sum(amount)", "true"),
    "payments_amount": (PAYMENTS, "count(*)", "sum(amount)", "not is_failed"),
    "refund_amount": (RETURNS, "count(*)", "sum(refund_amount)", "true"),
    "recovered_amount": (RETURNS, "count(*)", "sum(recovered_amount)", "true"),
    "subscriptions": ("core.fct_subscription", "count(*)", NONE, "true"),
    "contacts": (CONTACTS, "count(*)", "sum(cost_amount)", "true"),
    "contact_cost": (CONTACTS, "count(*)", "sum(cost_amount)", "true"),
    "contacts given up": (CONTACTS, "count(*)", NONE, "is_abandoned"),
    "contact_wait_seconds": (CONTACTS, "count(*)", "sum(wait_seconds)", "direction = 'in' and not is_abandoned"),
    "cases": (CASES, "count(*)", NONE, "true"),
    "case_response_seconds": (
        CASES, "count(*)", "sum(date_diff('second', opened_at, first_response_at))", "first_response_at is not null"
    ),
    "case_resolve_seconds": (
        CASES, "count(*)", "sum(date_diff('second', opened_at, resolved_at))", "resolved_at is not null"
    ),
    "cases opened again": (CASES, "count(*)", "sum(reopened_count)", "reopened_count > 0"),
    "complaints": (CASES, "count(*)", NONE, "kind = 'complaint'"),
    "case_compensation": (CASES, "count(*)", "sum(compensation_amount)", "true"),
    "survey_responses": (SURVEYS, "count(*)", NONE, "true"),
    **{
        f"survey_score {kind}": (SURVEYS, "count(*)", "sum(score)", f"kind = '{kind}'")
        for kind in ("ces", "csat", "nps")
    },
    "consents": ("core.fct_consent", "count(*)", NONE, "true"),
    "web_events": (SESSIONS, "coalesce(sum(events), 0)", NONE, "true"),
    "web_sessions": (SESSIONS, "count(*)", NONE, "true"),
    "campaigns": ("core.dim_campaign", "count(*)", NONE, "campaign_id <> 'unknown'"),
    "campaign_contacts": ("core.fct_campaign_contact", "count(*)", NONE, "true"),
    "campaign_responses": ("core.fct_campaign_response", "count(*)", NONE, "true"),
    "opportunities": (OPPORTUNITIES, "count(*)", "sum(amount)", "true"),
    **{
        f"costs {kind}": (COSTS, "count(*)", "sum(amount)", f"kind = '{kind}'")
        for kind in ("acquisition", "retention", "selling", "service")
    },
}  # fmt: skip
ALL_TOTALS = "reconciliation: totals that differ"
ALL_FATES = "reconciliation: fates that differ"
SHOWN = {"net_sales": "reconciliation: net sales"}

FATES = """
    with planted as (
        select
            source_system, table_name, fate,
            case when fate = 'quarantined' then coalesce(reason, 'none') else '' end as reason,
            sum(rows) as rows
        from truth.fates
        group by all
    ),

    judged as (
        select
            source_system, table_name, fate,
            case when fate = 'quarantined' then coalesce(reason, 'none') else '' end as reason,
            sum(landed_rows) as rows
        from published.ops.row_fates
        group by all
    )

    select
        source_system, table_name, fate, reason,
        cast(coalesce(planted.rows, 0) as bigint) as planted,
        cast(coalesce(judged.rows, 0) as bigint) as found
    from planted full outer join judged using (source_system, table_name, fate, reason)
    order by all
"""


def measure(trial: Trial) -> list[Row]:
    """Totals and fates that differ: 0 of each.

    A total is the rows and the exact amount of a fact table against `truth/totals`, the generator's own sums; a fate is
    the number of rows of a delivered table with one fate (and reason, where quarantined) against `truth/fates`.
    """
    totals = [_total(trial, *values) for values in _expected(trial)]
    fates = [_fate(row) for row in trial.query(FATES).itertuples(index=False)]
    shown = [
        replace(row, measure=SHOWN[name], is_detail=False)
        for name, row in zip((values[0] for values in _expected(trial)), totals, strict=True)
        if name in SHOWN
    ]
    return [*shown, _summary(ALL_TOTALS, totals), _summary(ALL_FATES, fates), *totals, *fates]


def _expected(trial: Trial) -> list[tuple[str, int, object]]:
    rows: list[tuple[str, int, object]] = trial.connection.execute(
        "select measure, rows, amount from truth.totals order by measure"
    ).fetchall()
    return rows


def _total(trial: Trial, name: str, rows: int, amount: object) -> Row:
    label = f"reconciliation: total of {name}"
    if name not in FACTS:
        return Row(label, ok=False, note="the proof does not know where the warehouse has this total", is_detail=True)
    table, count, total, condition = FACTS[name]
    if not trial.has(table):
        return replace(not_yet(label, f"there is no {table}"), is_detail=True)
    found_rows, found, is_equal = trial.connection.execute(
        f"select cast({count} as bigint), {total} as amount, coalesce({total}, 0) = coalesce($amount, 0)"
        f" from published.{table} where {condition}",
        {"amount": amount},
    ).fetchall()[0]
    is_money = amount is not None
    return Row(
        label,
        recovered=float(found or 0 if is_money else found_rows),
        truth=float(str(amount) if is_money else rows),
        ok=found_rows == rows and (not is_money or bool(is_equal)),
        note=f"{found_rows:,} rows of {rows:,}",
        is_detail=True,
    )


def _fate(row: tuple) -> Row:
    source, table, fate, reason, planted, found = row
    label = f"reconciliation: rows {fate} of {source}.{table}{f' ({reason})' if reason else ''}"
    return judged(label, float(found), truth=float(planted), low=float(planted), high=float(planted), is_detail=True)


def _summary(measure: str, rows: list[Row]) -> Row:
    wrong = [row for row in rows if row.ok is False]
    unknown = sum(row.ok is None for row in rows)
    note = f"of {len(rows)}" + (f"; {unknown} not yet" if unknown else "")
    if wrong:
        note += f"; first: {wrong[0].measure.removeprefix('reconciliation: ')}"
    return judged(measure, float(len(wrong)), truth=0.0, low=0.0, high=0.0, note=note)
