"""The manifest of a list: release, file, definition, counts by reason, columns, and how consent was applied."""

import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb

from pipeline.base.files import sha256_of
from pipeline.campaigns import Campaign
from pipeline.campaigns.assigned import list_id
from pipeline.campaigns.columns import reason_groups
from pipeline.outputs.lists.files.cells import UNKNOWN, Cell
from pipeline.outputs.lists.members import (
    ADDRESSES,
    CHANNELS,
    NAMES,
    columns_of,
    left_out,
    meaning_of_contacts,
)
from pipeline.outputs.lists.permissions import Permissions

VALID_HOURS = 24
"""After which a list is to be exported again, because customers go on withdrawing their consent."""
# What a manifest says in other places, or the files themselves show.
WITH_OTHERS = ("name", "definition", "audience", "order", "columns")
FORMAT = (
    "CSV, comma, UTF-8 with byte-order mark, first line has the column names, texts are quoted; a text has an "
    "apostrophe at each place where a spreadsheet of any language could begin a formula (= + - @, full-width, too, "
    "with no letter or digit since the beginning of the text, a separator or a line break) or read a quote after a "
    "separator, except that e-mail addresses and whole numbers are as they are"
)
WORKBOOK = (
    "the same rows for a person to open in a spreadsheet: texts, ids too, are texts and unchanged (up to 32,767 "
    "characters), numbers and dates are numbers and dates"
)


def describe(
    connection: duckdb.DuckDBPyConnection,
    campaign: Campaign,
    rows: list[tuple[Cell, ...]],
    *,
    release: dict[str, Any],
    content: dict[str, bytes],
    permissions: Permissions,
) -> dict[str, Any]:
    """Return the manifest of a list, from its formatted rows and the bytes of its files by suffix."""
    name, columns = campaign.name, columns_of(campaign)
    exported_at = datetime.now(UTC)
    reasons = connection.execute(
        "select is_included, reason, count(*) from release.marts.campaign_audience where list_name = $1"
        " group by all order by all",
        [name],
    ).fetchall()
    waterfall = dict(
        connection.execute(
            "select reason_group, count(*) from release.marts.campaign_audience where list_name = $1 group by all",
            [name],
        ).fetchall()
    )
    meaning = _column_meaning(connection) | meaning_of_contacts(campaign)
    return {
        "list_name": name,
        "campaign_id": list_id(name, date.fromisoformat(release["as_of_date"])),
        "release_id": release["release_id"],
        "as_of_date": release["as_of_date"],
        "sources": release["sources"],
        "file": f"{name}.csv",
        "sha256": hashlib.sha256(content["csv"]).hexdigest(),
        "format": FORMAT,
        "workbook": {
            "file": f"{name}.xlsx",
            "sha256": hashlib.sha256(content["xlsx"]).hexdigest(),
            "format": WORKBOOK,
        },
        "rows": len(rows),
        "definition": " ".join(filter(None, [campaign.definition, _of_every_list(connection)])),
        "campaign": _terms(campaign),
        "exported_at": exported_at.isoformat(timespec="seconds"),
        "expires_at": (exported_at + timedelta(hours=VALID_HOURS)).isoformat(timespec="seconds"),
        "valid_hours": VALID_HOURS,
        "waterfall": {group: waterfall[group] for group in reason_groups() if group in waterfall},
        "customers_in_by_reason": {reason: number for included, reason, number in reasons if included},
        "customers_out_by_reason": {reason: number for included, reason, number in reasons if not included},
        "left_out_since_by_reason": left_out(connection, name),
        "columns": [{"name": column, "meaning": meaning.get(column)} for column in columns],
        "consent": {
            **_consent(campaign, rows),
            "read_until": permissions.read_until,
            "not_readable": _not_readable(connection, permissions),
        },
    }


def logged(described: dict[str, Any]) -> dict[str, Any]:
    """Return what the log of exports keeps of a manifest."""
    campaign = described["campaign"]
    return {
        **{name: described[name] for name in ("list_name", "release_id", "landing", "rows", "sha256", "expires_at")},
        "workbook_sha256": described["workbook"]["sha256"],
        **{name: campaign[name] for name in ("purpose", "channels", "rule_hash")},
    }


def _terms(campaign: Campaign) -> dict[str, Any]:
    """Return the terms of a campaign, and a hash of all that its file says."""
    said = campaign.model_dump(mode="json", by_alias=True)
    terms = {key: value for key, value in said.items() if key not in WITH_OTHERS}
    return {**terms, "rule_hash": sha256_of(said)}


def _not_readable(connection: duckdb.DuckDBPyConnection, permissions: Permissions) -> dict[str, Any]:
    """Count the consents that cannot be read: their customers count as having said no."""
    ((customers,),) = connection.execute(
        "select count(*) from now.part_customer_consent where has_unreadable"
    ).fetchall()
    return {
        "meaning": "Rows of consents that cannot be read, with their reasons in ops.quarantine. Each means no for its "
        "customer in its channel, or in all where the channel cannot be read. Lines name no known customer.",
        "rows": permissions.unreadable_rows,
        "lines": permissions.unreadable_lines,
        "customers": customers,
    }


def _of_every_list(connection: duckdb.DuckDBPyConnection) -> str | None:
    comment: str | None = connection.execute(
        "select comment from duckdb_tables() where database_name = 'release' and table_name = 'campaign_audience'"
    ).fetchall()[0][0]
    return comment


def _column_meaning(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    described = connection.execute(
        "select column_name, comment from duckdb_columns()"
        " where database_name = 'release' and table_name = 'campaign_audience' and comment is not null"
    ).fetchall()
    return dict(described)


def _consent(campaign: Campaign, rows: list[tuple[Cell, ...]]) -> dict[str, Any]:
    """Return how consent was applied, per channel and purpose, and how many members may be contacted by each."""
    columns = columns_of(campaign)
    channels: dict[str, dict[str, Any]] = {}
    for permission, channel in CHANNELS.items():
        values = [row[columns.index(permission)] for row in rows]
        channels[permission] = {
            "channel": channel,
            "purpose": campaign.purpose,
            **{value: values.count(value) for value in ("yes", "no", UNKNOWN)},
            "fills_columns": _addresses(campaign, permission.removeprefix("can_")),
        }
    if any(counts["yes"] or counts["no"] for counts in channels.values()):
        return {
            "statement": f"No customer is in the list without consent to marketing by {campaign.channels_in_words}, on "
            "the as-of date of the release and by all that has landed until this file was written. Contact a customer "
            "in a channel only where its column says yes; no and unknown are not yes.",
            "names": f"{', '.join(NAMES)}: only where one of these channels is allowed.",
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


def _addresses(campaign: Campaign, channel: str) -> list[str]:
    return list(ADDRESSES[channel]) if channel in campaign.channels else []
