"""Pairs of records in doubt, side by side, and a person's decision about one."""

from contextlib import closing
from dataclasses import dataclass
from typing import Any

import duckdb

from pipeline.base.duck import connect
from pipeline.base.numbers import counted
from pipeline.base.settings import Settings
from pipeline.build.decisions import SAME, read_decisions, records_of
from pipeline.outputs.identity.found import Opened, customer_of, opened_release, record_key, unknown_record
from pipeline.outputs.identity.words import VERDICTS, evidence_text, reason_text

MOST_SHOWN = 20
WAITS = "review"
UNREADABLE = "The warehouse cannot be read by you, or a build is writing to it: what the records say is not shown."
# What a record says of itself, in the order in which people compare it.
COMPARED = ("kind", "name", "email", "phone", "loyalty_id", "street", "postcode", "city", "birth_date", "account_ref")
PAIRS = f"""
select
    source_record_key, other_record_key, customer_id, other_customer_id, source_system, other_source_system,
    match_weight, evidence, reason, verdict
from release.ops.identity_review
where verdict = '{WAITS}'
order by match_weight desc nulls last, source_record_key, other_record_key
"""
PAIR = """
select
    one.source_record_key, other.source_record_key as other_record_key,
    one.customer_id, other.customer_id as other_customer_id,
    one.source_system, other.source_system as other_source_system,
    judged.match_weight, judged.evidence, judged.reason, judged.verdict
from release.core.bridge_customer_source as one
inner join release.core.bridge_customer_source as other on other.source_record_key = $2 and other.is_current
left join release.ops.identity_review as judged
    on judged.source_record_key = one.source_record_key and judged.other_record_key = other.source_record_key
where one.source_record_key = $1 and one.is_current
"""
SIZES = """
select customer_id, count(*) as records from release.core.bridge_customer_source
where is_current and list_contains($1, customer_id) group by customer_id
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
    """A pair of records that may be one customer. `says` has what each says of itself, where it may be shown.

    verdict: of ops.identity_review; `same` where they are one customer, None where nothing speaks for it.
    customer_records: how many records each of their customers has.
    """

    record: str
    other: str
    customer_id: str
    other_customer_id: str
    customer_records: tuple[int, int]
    verdict: str | None
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
        pairs, remark = _doubts(settings, release, waiting[:limit], with_values=with_values)
    return InDoubt(pairs, len(waiting), remark)


def pair(settings: Settings, one: str, other: str, *, with_values: bool) -> InDoubt:
    """Return two records side by side, whether they wait for a decision or not.

    Parameters
    ----------
    settings
        Where CRM_HOME is.
    one, other
        Records, as source:id.
    with_values
        As for `pairs_in_doubt`.

    Raises
    ------
    UserError
        There is no such record.
    """
    with opened_release(settings) as release:
        for record in (one, other):
            if not customer_of(release, record_key(record)):
                raise unknown_record(release, record, "record")
        rows = release.rows(PAIR, *pair_of(record_key(one), record_key(other)))
        pairs, remark = _doubts(settings, release, rows, with_values=with_values)
    return InDoubt(pairs, 1, remark)


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


def _doubts(
    settings: Settings, release: Opened, rows: list[dict[str, Any]], *, with_values: bool
) -> tuple[list[Doubt], str | None]:
    said, remark = _said(settings, [key for row in rows for key in _keys(row)])
    customers = sorted({row[name] for row in rows for name in ("customer_id", "other_customer_id")})
    sizes = {row["customer_id"]: row["records"] for row in release.rows(SIZES, customers)}
    return [_doubt(row, said, sizes, with_values=with_values) for row in rows], remark


def _doubt(row: dict[str, Any], said: dict[str, dict[str, Any]], sizes: dict[str, int], *, with_values: bool) -> Doubt:
    key, other_key = _keys(row)
    one, other = said.get(key, {}), said.get(other_key, {})
    ids = row["customer_id"], row["other_customer_id"]
    return Doubt(
        one.get("record") or f"{row['source_system']} {key}",
        other.get("record") or f"{row['other_source_system']} {other_key}",
        *ids,
        (sizes[ids[0]], sizes[ids[1]]),
        SAME if ids[0] == ids[1] else row["verdict"],
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
    sizes = [counted(records, "record") for records in pair.customer_records]
    lines = [
        f"{number}. {pair.record} and {pair.other}{weight}",
        f"   {pair.customer_id} ({sizes[0]}) and {pair.other_customer_id} ({sizes[1]})",
        f"   {_told(pair)}",
    ]
    width = max((len(text) for _, text, _ in pair.says), default=0)
    for column, text, other in pair.says:
        differs = "*" if text and other and text.casefold() != other.casefold() else " "
        lines.append(f"   {differs} {column.replace('_', ' '):<12}{text:<{width}}  {other}".rstrip())
    return "\n".join(lines)


def _told(pair: Doubt) -> str:
    """Return what speaks for one customer and what against it."""
    if pair.verdict is None:
        return "Two customers: nothing that was compared speaks for one."
    if pair.verdict == SAME:
        return f"One customer: perennial identity explain {pair.customer_id} says why."
    agree = f"Agree: {evidence_text(pair.evidence) or 'nothing'}."
    if pair.verdict == WAITS:
        return agree + (f" Doubt: {pair.why}." if pair.why else "")
    return f"{agree} {VERDICTS[pair.verdict].capitalize()}{f': {pair.why}' if pair.why else ''}."
