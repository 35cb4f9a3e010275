"""Which records a customer is made of and why, field by field, and what nearly matched."""

from dataclasses import dataclass, field
from typing import Any

from pipeline.base.catalog import variables
from pipeline.base.settings import Settings
from pipeline.outputs.identity.found import Opened, find, opened_release
from pipeline.outputs.identity.words import CHOSEN_BY, FIELDS, RULES, VERDICTS, evidence_text, reason_text

# Published columns of each field of the golden record.
VALUES = {
    "name": ("full_name",),
    "email": ("email",),
    "phone": ("phone",),
    "address": ("street", "postcode", "city", "country"),
    "birth_date": ("birth_date",),
}
RECORDS = """
select
    bridge.source_record_key, bridge.source_system, match_rule, matched_to, first_seen_at, match_weight, evidence,
    {own_id} as source_customer_id
from release.core.bridge_customer_source as bridge
{own_ids}
where bridge.customer_id = $1 and is_current
order by match_rule = 'own_record' desc, first_seen_at asc nulls last, bridge.source_record_key
"""
OWN_IDS = """
left join contacts_file.customer_source_id as own
    on own.customer_id = bridge.customer_id
    and md5(own.source_system || '|' || own.source_customer_id) = bridge.source_record_key
"""
NEARLY = """
select
    if(customer_id = $1, source_record_key, other_record_key) as own_record_key,
    if(customer_id = $1, other_record_key, source_record_key) as record_key,
    if(customer_id = $1, other_customer_id, customer_id) as customer_id,
    if(customer_id = $1, other_source_system, source_system) as source_system,
    verdict, match_rule, match_weight, evidence, reason
from release.ops.identity_review
where customer_id = $1 or other_customer_id = $1
order by verdict = 'review' desc, match_weight desc nulls last, own_record_key, record_key
"""
EARLIER = """
select customer_id, kind, max(valid_to) as valid_to from release.core.customer_id_history
where current_customer_id = $1 and customer_id <> $1 group by all order by customer_id
"""
RELATED = """
select kind, related_id, is_inferred from release.core.bridge_customer_relationship
where customer_id = $1 and is_counted and kind <> 'referral' order by kind
"""


@dataclass(frozen=True)
class Record:
    """A record of a customer: which one, and why it belongs there."""

    number: int
    name: str
    record_key: str
    source_system: str
    first_seen_at: str | None
    match_rule: str
    matched_to: int | None
    match_weight: float | None
    evidence: str
    why: str


@dataclass(frozen=True)
class Field:
    """A field of the golden record: the record that it comes from, the rule, and the value where it may be shown."""

    field: str
    record: int
    source_system: str
    rule: str
    value: str | None


@dataclass(frozen=True)
class Near:
    """A record of another customer that nearly matched one of this."""

    record: int
    other: str
    other_customer_id: str
    verdict: str
    match_weight: float | None
    evidence: str
    why: str


@dataclass(frozen=True)
class Explanation:
    """What is known of one customer's identity."""

    customer_id: str
    kind: str | None
    records: list[Record]
    fields: list[Field]
    nearly: list[Near]
    earlier_ids: list[dict[str, Any]]
    related: list[dict[str, Any]]
    remarks: list[str] = field(default_factory=list)


def explain(settings: Settings, asked: str, *, with_values: bool) -> list[Explanation]:
    """Explain the customers that an id means, by the published release.

    Parameters
    ----------
    settings
        Where CRM_HOME is.
    asked
        A customer_id of this or an earlier release, `source:id` of a record, or a source_record_key.
    with_values
        Show names and addresses, where whoever asks may read `contacts.duckdb`.

    Returns
    -------
    list of Explanation
        One; several where an earlier id was split.

    Raises
    ------
    UserError
        Nothing is published, or there is no such customer or record.
    """
    with opened_release(settings) as release:
        found = find(release, asked)
        return [_explain(release, each, list(found.history), with_values=with_values) for each in found.customer_ids]


def _explain(release: Opened, customer_id: str, remarks: list[str], *, with_values: bool) -> Explanation:
    records = _records(release, customer_id)
    numbers = {record.record_key: record.number for record in records}
    if not release.has_contacts:
        remarks.append("contacts.duckdb cannot be read by you: ids of sources, names and addresses are not shown.")
    ((kind,),) = release.connection.execute(
        "select kind from release.core.dim_customer where customer_id = $1", [customer_id]
    ).fetchall()
    return Explanation(
        customer_id,
        kind,
        records,
        _fields(release, customer_id, with_values=with_values) if release.has_contacts else [],
        _nearly(release, customer_id, numbers),
        [{**row, "valid_to": str(row["valid_to"])} for row in release.rows(EARLIER, customer_id)],
        release.rows(RELATED, customer_id),
        remarks,
    )


def _records(release: Opened, customer_id: str) -> list[Record]:
    own_id = "own.source_customer_id" if release.has_contacts else "null"
    rows = release.rows(RECORDS.format(own_id=own_id, own_ids=OWN_IDS if release.has_contacts else ""), customer_id)
    numbers = {row["source_record_key"]: number for number, row in enumerate(rows, 1)}
    return [
        Record(
            number,
            _name(row),
            row["source_record_key"],
            row["source_system"],
            str(row["first_seen_at"]) if row["first_seen_at"] else None,
            row["match_rule"],
            numbers.get(row["matched_to"]),
            row["match_weight"],
            row["evidence"] or "",
            _why(row, numbers),
        )
        for number, row in enumerate(rows, 1)
    ]


def _name(row: dict[str, Any]) -> str:
    own = row.get("source_customer_id")
    return f"{row['source_system']}:{own}" if own else f"{row['source_system']} {row['source_record_key'][:8]}"


def _why(row: dict[str, Any], numbers: dict[str, int]) -> str:
    number = numbers.get(row["matched_to"])
    return RULES[row["match_rule"]].format(
        other=f"record {number}" if number else "a record that is gone",
        evidence=evidence_text(row["evidence"]),
        weight=row["match_weight"] or 0,
    )


def _fields(release: Opened, customer_id: str, *, with_values: bool) -> list[Field]:
    rows = release.rows("select * from contacts_file.dim_customer_contact where customer_id = $1", customer_id)
    rules = variables()["identity"]["golden_record"]
    return [
        Field(
            name,
            row[f"{name}_record"],
            row[f"{name}_source"],
            rules[name],
            ", ".join(str(row[column]) for column in columns if row[column]) if with_values else None,
        )
        for row in rows
        for name, columns in VALUES.items()
        if row[f"{name}_record"] is not None
    ]


def _nearly(release: Opened, customer_id: str, numbers: dict[str, int]) -> list[Near]:
    names = _names_of_others(release, customer_id)
    return [
        Near(
            numbers[row["own_record_key"]],
            names.get(row["record_key"], f"{row['source_system']} {row['record_key'][:8]}"),
            row["customer_id"],
            row["verdict"],
            row["match_weight"],
            row["evidence"] or "",
            _near_why(row),
        )
        for row in release.rows(NEARLY, customer_id)
    ]


def _names_of_others(release: Opened, customer_id: str) -> dict[str, str]:
    """Return source:id by key of the records that nearly matched, where it may be read."""
    if not release.has_contacts:
        return {}
    rows = release.rows(
        "select source_system, source_customer_id, md5(source_system || '|' || source_customer_id) as source_record_key"
        " from contacts_file.customer_source_id where customer_id in ("
        "select if(customer_id = $1, other_customer_id, customer_id) from release.ops.identity_review"
        " where customer_id = $1 or other_customer_id = $1)",
        customer_id,
    )
    return {row["source_record_key"]: _name(row) for row in rows}


def _near_why(row: dict[str, Any]) -> str:
    agree = evidence_text(row["evidence"])
    parts = [
        f"{agree} agree" if agree else "",
        f"weight {row['match_weight']:.1f}" if row["match_weight"] is not None else "",
        VERDICTS[row["verdict"]] + (f": {reason_text(row['reason'])}" if row["reason"] else ""),
    ]
    return "; ".join(part for part in parts if part)


def as_text(explanation: Explanation) -> str:
    """Return an explanation in plain words."""
    return "\n".join(_lines(explanation))


def _lines(found: Explanation) -> list[str]:
    sources = len({record.source_system for record in found.records})
    records = f"{len(found.records)} record{'s' * (len(found.records) != 1)} of {sources} source{'s' * (sources != 1)}"
    lines = [*found.remarks, f"{found.customer_id}, {found.kind or 'kind unknown'}: {records}", "", "Records"]
    width = max((len(record.name) for record in found.records), default=0)
    for record in found.records:
        seen = (record.first_seen_at or "no date")[:10]
        lines.append(f"  {record.number:>2}  {record.name:<{width}}  {seen:<10}  {record.why}")
    if found.fields:
        lines += ["", "Fields"]
        for each in found.fields:
            value = f"{each.value}  " if each.value else ""
            lines.append(f"  {FIELDS[each.field]:<10}  {value}{_source_of(each, found.records)}")
    for relation in found.related:
        basis = "by address and family name" if relation["is_inferred"] else "as a source says it"
        lines += ["", f"{relation['kind'].capitalize()}  {relation['related_id']}, {basis}"]
    lines += ["", "Nearly matched"] + [
        f"  {near.other} ({near.other_customer_id}) and record {near.record}: {near.why}" for near in found.nearly
    ]
    if waiting := next((near for near in found.nearly if near.verdict == "review"), None):
        own = found.records[waiting.record - 1].name
        lines.append(f"  To see the first side by side: perennial identity review {own} {waiting.other}")
    if not found.nearly:
        lines.append("  nobody")
    if found.earlier_ids:
        lines += ["", "Earlier ids"]
        lines += [f"  {row['customer_id']}, until {row['valid_to']}" for row in found.earlier_ids]
    return lines


def _source_of(each: Field, records: list[Record]) -> str:
    """Return the record that a field comes from, and why where there was a choice."""
    name = next((record.name for record in records if record.number == each.record), each.source_system)
    return f"from {name}" + (f", {CHOSEN_BY[each.rule]}" if len(records) > 1 else "")
