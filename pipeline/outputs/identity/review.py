"""Pairs of records in doubt, side by side, and a person's decision about one."""

from contextlib import closing
from dataclasses import dataclass
from typing import Any

import duckdb

from pipeline.base.duck import connect
from pipeline.base.settings import Settings
from pipeline.build.decisions import read_decisions, records_of
from pipeline.outputs.identity.found import opened_release, record_key
from pipeline.outputs.identity.words import evidence_text, reason_text

MOST_SHOWN = 20
UNREADABLE = "The warehouse cannot be read by you, or a build is writing to it: what the records say is not shown."
# What a record says of itself, in the order in which people compare it.
COMPARED = ("kind", "name", "email", "phone", "loyalty_id", "street", "postcode", "city", "birth_date", "account_ref")
PAIRS = """
select
    source_record_key, other_record_key, customer_id, other_customer_id, source_system, other_source_system,
    match_weight, evidence, reason, verdict
from release.ops.identity_review
where verdict = 'review'
order by match_weight desc nulls last, source_record_key, other_record_key
"""
SAID = """
select
    source_record_key, source_system || ':' || source_customer_id as record, kind,
    coalesce(full_name, nullif(concat_ws(' ', given_name, family_name), '')) as name,
    email, phone, loyalty_id, street, postcode, city, birth_date::varchar as birth_date, account_ref
from warehouse.intermediate.int_customers__known
where list_contains($1, source_record_key)
"""


@dataclass(frozen=True)
class Doubt:
    """A pair of records that may be one customer. `says` has what each says of itself, where it may be shown."""

    record: str
    other: str
    customer_id: str
    other_customer_id: str
    match_weight: float | None
    evidence: str
    why: str
    says: list[tuple[str, str, str]]


@dataclass(frozen=True)
class InDoubt:
    """The surest pairs, how many there are in all, and what is not shown."""

    pairs: list[Doubt]
    total: int
    remark: str | None


def pairs_in_doubt(settings: Settings, *, limit: int = MOST_SHOWN, with_values: bool) -> InDoubt:
    """Return the pairs that wait for a decision, the surest first; those decided since the release are left out.

    Parameters
    ----------
    settings
        Where CRM_HOME is.
    limit
        The most pairs to return.
    with_values
        Show what the records say, where whoever asks may read the warehouse.

    Raises
    ------
    UserError
        Nothing is published, or the decisions cannot be read.
    """
    decided = _decided(settings)
    with opened_release(settings) as release:
        waiting = [row for row in release.rows(PAIRS) if _keys(row) not in decided]
    shown = waiting[:limit]
    said, remark = _said(settings, [key for row in shown for key in _keys(row)])
    return InDoubt([_doubt(row, said, with_values=with_values) for row in shown], len(waiting), remark)


def _keys(row: dict[str, Any]) -> tuple[str, str]:
    return row["source_record_key"], row["other_record_key"]


def _decided(settings: Settings) -> set[tuple[str, str]]:
    pairs = (records_of(row) for row in read_decisions(settings))
    return {pair_of(*(record_key(":".join(record)) for record in pair)) for pair in pairs}


def pair_of(one: str, other: str) -> tuple[str, str]:
    """Return two keys, the smaller one first."""
    return min(one, other), max(one, other)


def _said(settings: Settings, keys: list[str]) -> tuple[dict[str, dict[str, Any]], str | None]:
    """Return what records say of themselves, by key, or why it cannot be shown."""
    try:
        with closing(connect(settings.warehouse, read_only=True)) as connection:
            found = connection.execute(SAID, [keys])
            names = [column[0] for column in found.description or []]
            rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    except duckdb.Error:
        return {}, UNREADABLE
    return {row["source_record_key"]: row for row in rows}, None


def _doubt(row: dict[str, Any], said: dict[str, dict[str, Any]], *, with_values: bool) -> Doubt:
    key, other_key = _keys(row)
    one, other = said.get(key, {}), said.get(other_key, {})
    return Doubt(
        one.get("record") or f"{row['source_system']} {key}",
        other.get("record") or f"{row['other_source_system']} {other_key}",
        row["customer_id"],
        row["other_customer_id"],
        row["match_weight"],
        row["evidence"] or "",
        reason_text(row["reason"]),
        [
            (column, str(one.get(column) or ""), str(other.get(column) or ""))
            for column in COMPARED
            if with_values and (one.get(column) or other.get(column))
        ],
    )


def as_text(number: int, pair: Doubt) -> str:
    """Return a pair side by side; a star marks what differs."""
    weight = "" if pair.match_weight is None else f", weight {pair.match_weight:.1f}"
    lines = [
        f"{number}. {pair.record} and {pair.other}{weight}",
        f"   {pair.customer_id} and {pair.other_customer_id}",
        f"   Agree: {evidence_text(pair.evidence) or 'nothing'}.{f' Doubt: {pair.why}.' if pair.why else ''}",
    ]
    width = max((len(text) for _, text, _ in pair.says), default=0)
    for column, text, other in pair.says:
        differs = "*" if text and other and text.casefold() != other.casefold() else " "
        lines.append(f"   {differs} {column.replace('_', ' '):<12}{text:<{width}}  {other}")
    return "\n".join(lines)
