"""Campaign lists: who is in, as CSV for a spreadsheet or a mailing tool, with a manifest that says what it is.

A list is made from the published release alone. It is the one place where customers meet their names, addresses and the
ids that source systems know them by, so its files are for their owner's eyes only, and nothing of them is logged. An
address stands in a list only where its owner has consented to marketing by that channel.
"""

import csv
import hashlib
import io
import json
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from pipeline.duck import connect
from pipeline.files import private_folder, write_private
from pipeline.releases import CONTACTS, DATABASE, attach_read_only, current_release, read_manifest
from pipeline.settings import Settings

# Permission: what it is for, in words.
CHANNELS = {
    "can_mail": "e-mail or letter",
    "can_email": "e-mail",
    "can_post": "letter",
    "can_call": "call",
    "can_text": "text message",
}
PURPOSE = "marketing"
# Column: the permission without which it stays empty. Unknown is not yes.
ADDRESSED_BY = {
    "full_name": "can_mail",
    "given_name": "can_mail",
    "family_name": "can_mail",
    "email": "can_email",
    "street": "can_post",
    "city": "can_post",
    "postcode": "can_post",
    "country": "can_post",
}
FROM_CONTACTS = {
    "source_system": "Source system that knows the customer; several are separated by '; '.",
    "source_customer_id": "The customer's id in that system, in the same order. Import this column as text.",
    **{
        name: f"{name.replace('_', ' ').capitalize()}, only where {permission} says yes."
        for name, permission in ADDRESSED_BY.items()
    },
}
COLUMNS = (
    "list_rank",
    "customer_id",
    *FROM_CONTACTS,
    "reason",
    "segment_name",
    "tier",
    "lifecycle_stage",
    "churn_probability",
    "risk_band",
    "expected_loss",
    "clv_future",
    "last_order_date",
    *CHANNELS,
)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
UNKNOWN = "unknown"


def export_lists(settings: Settings) -> list[Path]:
    """Write every campaign list of the published release; return the paths of the CSV files.

    A file that already has the same bytes is not touched.

    Raises
    ------
    UserError
        Nothing has been published yet.
    """
    folder = current_release(settings)
    manifest = read_manifest(folder)
    target = private_folder(settings.lists / manifest["release_id"])
    paths = []
    with closing(connect()) as connection:
        attach_read_only(connection, folder / DATABASE, "release")
        attach_read_only(connection, folder / CONTACTS, "contacts_file")
        names = connection.execute(
            "select distinct list_name from release.marts.campaign_audience order by 1"
        ).fetchall()
        for (name,) in names:
            rows = _members(connection, name)
            content = _csv(rows)
            write_private(target / f"{name}.csv", content)
            described = _describe(connection, name, rows, manifest, content)
            text = json.dumps(described, indent=2, ensure_ascii=False) + "\n"
            write_private(target / f"{name}.manifest.json", text.encode())
            paths.append(target / f"{name}.csv")
    return paths


def _members(connection: duckdb.DuckDBPyConnection, name: str) -> list[tuple[Any, ...]]:
    return connection.execute(
        f"""
        with ids as (
            select
                customer_id,
                string_agg(source_system, '; ' order by source_system, source_customer_id) as source_system,
                string_agg(source_customer_id, '; ' order by source_system, source_customer_id) as source_customer_id
            from contacts_file.customer_source_id
            group by customer_id
        )

        select {", ".join(_selected(name) for name in COLUMNS)}
        from release.marts.campaign_audience
        left join ids using (customer_id)
        left join contacts_file.dim_customer_contact as contact using (customer_id)
        where list_name = $1 and is_included
        order by list_rank, customer_id
        """,
        [name],
    ).fetchall()


def _selected(name: str) -> str:
    permission = ADDRESSED_BY.get(name)
    return f"case when {permission} then contact.{name} end as {name}" if permission else name


def _csv(rows: list[tuple[Any, ...]]) -> bytes:
    """UTF-8 with a byte-order mark, by which spreadsheets know the encoding; lines end as RFC 4180 says."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(name, value) for name, value in zip(COLUMNS, row, strict=True)])
    return buffer.getvalue().encode("utf-8-sig")


def _cell(name: str, value: Any) -> str:
    if name in CHANNELS:
        return UNKNOWN if value is None else ("yes" if value else "no")
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:.2f}"
    if isinstance(value, str):
        # A spreadsheet would run the text as a formula.
        return f"'{value}" if value.startswith(FORMULA_STARTS) else value
    return value.isoformat() if isinstance(value, date) else str(value)


def _describe(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    rows: list[tuple[Any, ...]],
    manifest: dict[str, Any],
    content: bytes,
) -> dict[str, Any]:
    reasons = connection.execute(
        "select is_included, reason, count(*) from release.marts.campaign_audience where list_name = $1"
        " group by all order by all",
        [name],
    ).fetchall()
    meaning = _column_meaning(connection)
    return {
        "list_name": name,
        "release_id": manifest["release_id"],
        "as_of_date": manifest["as_of_date"],
        "sources": manifest["sources"],
        "file": f"{name}.csv",
        "sha256": hashlib.sha256(content).hexdigest(),
        "rows": len(rows),
        "format": "CSV, comma, UTF-8 with byte-order mark, first line has the column names; a text that begins with "
        "= + - @ has an apostrophe before it, so that a spreadsheet does not run it",
        "definition": _definition(connection),
        "customers_in_by_reason": {reason: number for included, reason, number in reasons if included},
        "customers_out_by_reason": {reason: number for included, reason, number in reasons if not included},
        "columns": [{"name": column, "meaning": meaning.get(column)} for column in COLUMNS],
        "consent": _consent(rows),
    }


def _definition(connection: duckdb.DuckDBPyConnection) -> str | None:
    comment: str | None = connection.execute(
        "select comment from duckdb_tables() where database_name = 'release' and table_name = 'campaign_audience'"
    ).fetchall()[0][0]
    return comment


def _column_meaning(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    described = connection.execute(
        "select column_name, comment from duckdb_columns()"
        " where database_name = 'release' and table_name = 'campaign_audience' and comment is not null"
    ).fetchall()
    return {**dict(described), **FROM_CONTACTS}


def _consent(rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    """How consent was applied, per channel and purpose, and how many members may be contacted by each."""
    channels: dict[str, dict[str, Any]] = {}
    for permission, channel in CHANNELS.items():
        values = [_cell(permission, row[COLUMNS.index(permission)]) for row in rows]
        channels[permission] = {
            "channel": channel,
            "purpose": PURPOSE,
            **{value: values.count(value) for value in ("yes", "no", UNKNOWN)},
            "fills_columns": [name for name, needed in ADDRESSED_BY.items() if needed == permission],
        }
    if any(counts["yes"] or counts["no"] for counts in channels.values()):
        return {
            "statement": "Nobody is in the list without consent to marketing by e-mail or letter on the as-of date. "
            "Contact a customer in a channel only where its column says yes; no and unknown are not yes.",
            "channels": channels,
        }
    return {
        "statement": "No source provides consents, so it is unknown whether these customers may be contacted. Names "
        "and addresses are left out.",
        "before_sending": [
            "Check every source_customer_id against the consent and objection records of its source system.",
            "Remove the customers without a valid permission for the channel and purpose of this campaign.",
            "Hold back a random control group, so that the campaign's effect can be measured.",
        ],
        "channels": channels,
    }
