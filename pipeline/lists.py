"""Campaign lists: who is in, as CSV for a spreadsheet or a mailing tool, with a manifest that says what it is.

A list is made from the published release alone. It is the one place where customers meet the ids that source systems
know them by, so its files are for their owner's eyes only, and nothing of them is logged.
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

CHANNELS = ("can_mail", "can_call", "can_text")
FROM_CONTACTS = {
    "source_system": "Source system that knows the customer; several are separated by '; '.",
    "source_customer_id": "The customer's id in that system, in the same order. Import this column as text.",
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

        select {", ".join(COLUMNS)}
        from release.marts.campaign_audience
        left join ids using (customer_id)
        where list_name = $1 and is_included
        order by list_rank, customer_id
        """,
        [name],
    ).fetchall()


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
    channels: dict[str, dict[str, int]] = {}
    for channel in CHANNELS:
        values = [_cell(channel, row[COLUMNS.index(channel)]) for row in rows]
        channels[channel] = {value: values.count(value) for value in ("yes", "no", UNKNOWN)}
    if any(counts["yes"] or counts["no"] for counts in channels.values()):
        return {
            "statement": "Contact a customer in a channel only where its column says yes; unknown is not yes.",
            "channels": channels,
        }
    return {
        "statement": "No source provides consents, so it is unknown whether these customers may be contacted.",
        "before_sending": [
            "Check every source_customer_id against the consent and objection records of its source system.",
            "Remove the customers without a valid permission for the channel and purpose of this campaign.",
            "Hold back a random control group, so that the campaign's effect can be measured.",
        ],
        "channels": channels,
    }
