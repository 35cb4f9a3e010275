"""The published release as `identity` reads it, and whom the user means: an id of any release, or source:id."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from pipeline.base.errors import UserError
from pipeline.base.scratch import working_connection
from pipeline.base.settings import Settings
from pipeline.serving.releases import CONTACTS, DATABASE, attach_read_only, current_release

NEEDED = ("customer_id_history", "identity_review")
HISTORY = """
select current_customer_id, kind, max(valid_to) as valid_to from release.core.customer_id_history
where customer_id = $1 group by all order by current_customer_id
"""


@dataclass(frozen=True)
class Opened:
    """The release, with its contacts where whoever asks may read them.

    `connection` has the database `release`, and the database `contacts_file` where `has_contacts`.
    """

    connection: duckdb.DuckDBPyConnection
    folder: Path
    has_contacts: bool

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Return the rows of a query, each by column."""
        found = self.connection.execute(sql, list(values))
        names = [column[0] for column in found.description or []]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@contextmanager
def opened_release(settings: Settings) -> Iterator[Opened]:
    """Open what is published, read-only.

    Raises
    ------
    UserError
        Nothing is published, or the release is older than the identity ledger.
    """
    folder = current_release(settings)
    with working_connection(settings.home) as connection:
        attach_read_only(connection, folder / DATABASE, "release")
        tables = {
            name
            for (name,) in connection.execute(
                "select table_name from duckdb_tables() where database_name = 'release'"
            ).fetchall()
        }
        if missing := [name for name in NEEDED if name not in tables]:
            raise UserError(f"Release {folder.name} has no table {missing[0]}: build again (`make run`).")
        yield Opened(connection, folder, _attach_contacts(connection, folder / CONTACTS))


def _attach_contacts(connection: duckdb.DuckDBPyConnection, path: Path) -> bool:
    try:
        with path.open("rb"):
            pass
        attach_read_only(connection, path, "contacts_file")
    except (OSError, UserError, duckdb.Error):
        return False
    return True


@dataclass(frozen=True)
class Asked:
    """The customers that an id means today, and how an old one came to mean them."""

    customer_ids: tuple[str, ...]
    history: tuple[str, ...] = ()


def record_key(record: str) -> str:
    """Return the key of the record `source:id` (the macro `record_key`)."""
    source, _, number = record.partition(":")
    return hashlib.md5(f"{source}|{number}".encode(), usedforsecurity=False).hexdigest()


def find(release: Opened, asked: str) -> Asked:
    """Return the customers that somebody asks for.

    Parameters
    ----------
    release
        What is published.
    asked
        A customer_id of this or an earlier release, `source:id` of a record, or a source_record_key.

    Raises
    ------
    UserError
        There is none.
    """
    asked = asked.strip()
    if asked[:2] == "C_" and ":" not in asked:
        asked = asked.lower()
    if asked == "unknown":
        raise UserError("'unknown' stands for sales without a customer: nobody is behind it.")
    if release.rows("select 1 from release.core.dim_customer where customer_id = $1", asked):
        return Asked((asked,), _split_off(release, asked))
    if earlier := release.rows(HISTORY, asked):
        return _translated(asked, earlier)
    for key in [asked, record_key(asked)] if ":" in asked else [asked]:
        if found := customer_of(release, key):
            return Asked((found,))
    raise unknown_record(release, asked, "customer and no record")


def customer_of(release: Opened, key: str) -> str | None:
    """Return the customer that a record is today, by its key; None where there is no such record."""
    rows = release.rows(
        "select customer_id from release.core.bridge_customer_source where source_record_key = $1 and is_current", key
    )
    return str(rows[0]["customer_id"]) if rows else None


def unknown_record(release: Opened, asked: str, what: str) -> UserError:
    """Return the error that there is no such record, with what else may be meant."""
    number = asked.rpartition(":")[2]
    alike = release.has_contacts and release.rows(
        "select source_system || ':' || source_customer_id as record from contacts_file.customer_source_id"
        " where source_customer_id = $1 order by record",
        number,
    )
    if alike:
        hint = f"its number is that of {', '.join(row['record'] for row in alike)}."
    else:
        sources = release.rows("select distinct source_system from release.core.bridge_customer_source order by 1")
        hint = (
            "give a customer_id of this or an earlier release, or source:id of a record, of the sources "
            f"{', '.join(row['source_system'] for row in sources)}."
        )
    return UserError(f"Release {release.folder.name} has no {what} '{asked}': {hint}")


def _translated(asked: str, earlier: list[dict[str, Any]]) -> Asked:
    ids = tuple(row["current_customer_id"] for row in earlier if row["kind"] != "gone")
    until = max(row["valid_to"] for row in earlier)
    if not ids:
        raise UserError(f"{asked} was a customer until {until}: its sources have none of its records any more.")
    became = f"is {ids[0]}" if len(ids) == 1 else f"was split into {' and '.join(ids)}"
    return Asked(ids, (f"{asked} {became} since {until}.",))


def _split_off(release: Opened, customer_id: str) -> tuple[str, ...]:
    """Return what a customer of today was together with, until when."""
    return tuple(
        f"Until {row['valid_to']}, {customer_id} was {row['current_customer_id']}, too."
        for row in release.rows(HISTORY, customer_id)
        if row["kind"] == "split"
    )
