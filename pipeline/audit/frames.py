"""The frames that suites are run on: measures computed in DuckDB, small enough for pandas."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import duckdb
import pandas as pd

from pipeline.audit.collapse import collapse_frame
from pipeline.audit.reconciliation import balance
from pipeline.audit.references import references_frame
from pipeline.audit.suites import read_suite, suite_query
from pipeline.base.catalog import published
from pipeline.base.duck import connect, quote_identifier, quote_literal
from pipeline.base.errors import UserError
from pipeline.base.scratch import spill_folder, working_connection
from pipeline.base.settings import Settings
from pipeline.landing.events import event_instant_sql, possible_sql, timestamp_sql
from pipeline.landing.receipts import covers
from pipeline.landing.state import NEWEST, PLACE, landed, says_deleted, settle
from pipeline.serving.ledger import accepted_loads
from pipeline.serving.releases import attach_read_only, published_tables, read_tables
from pipeline.sources.definitions import Source, Table, load_source

EMAIL = r"[^@\s]@[^@\s]+\.[A-Za-z]{2,}"
STANDING = "standing_"
LANDED_COLUMNS = ("_position", "_op", "_interval", "_generation")


def landing_frame(settings: Settings, receipts: list[dict[str, Any]]) -> pd.DataFrame:
    """One row of measures per landed file; `standing_…` are those of what still counts of it."""
    limits = _limits()
    with working_connection(settings.home) as connection:
        rows = []
        for receipt in receipts:
            table = load_source(receipt["source"]).tables[receipt["table"]]
            measures = _measures(receipt, table, _counted(connection, settings, receipt))
            standing, would_stop = measures, _would_stop(measures, limits)
            if would_stop:
                standing = _standing(connection, settings, receipt, receipts, measures)
                would_stop = _would_stop(standing, limits)
            is_accepted = bool(receipt.get("held_because")) and would_stop
            standing = dict.fromkeys(limits, 0) if is_accepted else standing
            named = {f"{STANDING}{name}": standing[name] for name in limits}
            rows.append({**measures, **named, "is_accepted_as_it_is": is_accepted})
    frame = pd.DataFrame(rows)
    flags = [name for name in frame.columns if name.startswith((f"{STANDING}is_", f"{STANDING}has_"))]
    return frame.astype(dict.fromkeys(flags, bool))


def _limits() -> dict[str, float]:
    """The measures of what still counts, and up to which value each stops no build."""
    return {
        each["kwargs"]["column"].removeprefix(STANDING): each["kwargs"].get("max_value", 0)
        for each in read_suite("landing")["expectations"]
        if each["kwargs"]["column"].startswith(STANDING)
    }


def _would_stop(measures: dict[str, Any], limits: dict[str, float]) -> bool:
    return any(measures[name] > limit for name, limit in limits.items())


def _standing(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    receipt: dict[str, Any],
    receipts: list[dict[str, Any]],
    measures: dict[str, Any],
) -> dict[str, Any]:
    """Measures of what no later load has replaced: rows by their key, unreadable ones by the interval."""
    of_table = [r for r in receipts if (r["source"], r["table"]) == (receipt["source"], receipt["table"])]
    later = [r for r in of_table if r.get("generation", 1) > receipt.get("generation", 1)]
    table = load_source(receipt["source"]).tables[receipt["table"]]
    if not later and not (table.key_columns and measures["after_interval_share"]):
        return measures
    standing, state = measures, landed(settings, of_table, table)
    if state and table.key_columns:
        connection.execute(f"drop table if exists {NEWEST}")
        settle(connection, state)
        condition = f"{PLACE} in (select place from {NEWEST}) or not ({state.has_key})"
        standing = _measures(receipt, table, _counted(connection, settings, receipt, condition))
    if not later:  # a wrong date may be corrected in another file of its load
        return {**measures, "after_interval_share": standing["after_interval_share"]}
    # A whole table is read again by each load, an interval of a database by one that covers it.
    is_read_again = any(r["load"] == "snapshot" or (not r["source_files"] and covers(r, receipt)) for r in later)
    unreadable = {"is_unexpectedly_empty", "has_too_many_unreadable"}
    gone = {*(unreadable if is_read_again else ()), "missing_columns"}  # names in the yml are those of the newest load
    return {**standing, **dict.fromkeys(gone, 0)}


def _counted(
    connection: duckdb.DuckDBPyConnection, settings: Settings, receipt: dict[str, Any], condition: str = "true"
) -> dict[str, Any]:
    """Count the rows of a landed file that meet a condition."""
    source = load_source(receipt["source"])
    table = source.tables[receipt["table"]]
    relation = f"read_parquet({quote_literal(str(settings.home / receipt['file']))})"
    try:
        present = connection.execute(f"describe select * from {relation}").fetchall()
    except duckdb.Error as error:
        raise UserError(
            f"{settings.home / receipt['file']} cannot be read. Delete it with its receipt and load again: {error}"
        ) from error
    columns = {name: kind for name, kind, *_ in present if name not in LANDED_COLUMNS}
    content = ", ".join(quote_identifier(name) for name in columns)
    counts = {
        "landed_rows": "count(*)",
        "without_key": f"count(*) filter ({_without_key(table, columns)})",
        "repeated": f"count(*) - count(distinct hash({content}))",
        **_event_measures(source, table, receipt, columns),
    }
    query = ", ".join(f"{expression} as {name}" for name, expression in counts.items())
    cursor = connection.execute(
        f"select {query} from {_with_events(source, table, receipt, columns, relation)} where {condition}"
    )
    missing = len(set(table.columns) - set(columns) - _personal(receipt))
    return {**dict(zip(counts, cursor.fetchall()[0], strict=True)), "missing_columns": missing}


def _measures(receipt: dict[str, Any], table: Table, counted: dict[str, Any]) -> dict[str, Any]:
    rows = max(1, counted["landed_rows"])
    return {
        "source": receipt["source"],
        "table_name": receipt["table"],
        "interval": receipt["interval"],
        "received": receipt["received"],
        "is_unexpectedly_empty": receipt["received"] == 0 and not table.may_be_empty and not _may_be_quiet(receipt),
        "rows_unaccounted": receipt["received"] - receipt["unreadable"] - receipt["unchanged"] - counted["landed_rows"],
        "missing_columns": counted["missing_columns"],
        "unreadable": receipt["unreadable"],
        "has_too_many_unreadable": receipt["unreadable"] > _tolerated(receipt["received"]),
        "without_key_share": counted["without_key"] / rows,
        "repeated_share": counted["repeated"] / rows,
        "untimed_share": counted["untimed"] / rows,
        "has_too_many_untimed": _are_too_many(counted["untimed"], rows),
        "before_interval_share": counted["before_interval"] / rows,
        "has_too_many_before_interval": _are_too_many(counted["before_interval"], rows),
        "after_interval_share": counted["after_interval"] / rows,
    }


def _personal(receipt: dict[str, Any]) -> set[str]:
    """Columns that landed in the sibling."""
    return {column["name"] for column in receipt["schema"] if column.get("personal")}


def _may_be_quiet(receipt: dict[str, Any]) -> bool:
    """An interval may bring nothing new; so may one that is asked for again."""
    return receipt["load"] != "snapshot" and (not receipt["is_first_load"] or receipt["generation"] > 1)


def _tolerated(received: int) -> float:
    """Unreadable lines up to which they are lines here and there; above it the layout is wrong."""
    return max(10, 0.05 * received)


def _are_too_many(bad: int, rows: int) -> bool:
    """More than half of a load's rows, and more than one: the only row of a day may be a mistake."""
    return bad > max(1, rows / 2)


def _without_key(table: Table, columns: dict[str, str]) -> str:
    """Rows in which a part of the key is null or blank; a table whose key is the position has none."""
    keys = [] if table.key == "position" else [name for name in table.key if name in columns]
    return " or ".join(f"trim(coalesce({quote_identifier(name)}::varchar, '')) = ''" for name in keys) or "false"


def _with_events(source: Source, table: Table, receipt: dict[str, Any], columns: dict[str, str], relation: str) -> str:
    """SQL: a relation with `_event_at`, its possible event time, and `_counts`: whether a row is to have one."""
    if table.event_time is None or table.event_time not in columns:
        return relation
    kind = columns[table.event_time]
    said = event_instant_sql(table.event_time, kind, table.event_time_format, source.event_zone, source.time_zone)
    at = possible_sql("_said", timestamp_sql(receipt.get("read_at")))
    deleted = table.deleted if table.deleted in columns else None
    return (
        f"(select * exclude (_said), {at} as _event_at from (select *, {said} as _said, "
        f"_op <> 'delete' and not {says_deleted(deleted)} as _counts from {relation}))"
    )


def _event_measures(source: Source, table: Table, receipt: dict[str, Any], columns: dict[str, str]) -> dict[str, str]:
    if table.event_time is None or table.event_time not in columns:
        return {"untimed": "0", "before_interval": "0", "after_interval": "0"}
    limits = (quote_literal(receipt[key]) for key in ("interval_start", "interval_end"))
    start, end = (f"timezone('UTC', {limit}::timestamptz)" for limit in limits)
    # A changed row may have happened long ago. A whole table is read after its interval, newer rows included.
    is_changed_row = table.load == "upsert" or (table.load == "snapshot" and not receipt["is_first_load"])
    is_read_later = source.is_scheduled and table.load == "snapshot"
    return {
        "untimed": "count(*) filter (_event_at is null and _counts)",
        "before_interval": "0" if is_changed_row else f"count(*) filter (_event_at < {start} and _counts)",
        "after_interval": "0" if is_read_later else f"count(*) filter (_event_at >= {end} and _counts)",
    }


def open_warehouse(
    settings: Settings, release_id: str, as_of: date, quiet_sources: Sequence[str] = ()
) -> duckdb.DuckDBPyConnection:
    """Open the warehouse for reading; queries of suites read the arguments as `getvariable('as_of')` and so on.

    `quiet_sources` are those that may bring nothing on a day. `accepted_loads` stand in the ledger.
    """
    connection = connect(spill=spill_folder(settings.home))
    attach_read_only(connection, settings.warehouse, "warehouse")
    connection.execute("use warehouse")
    connection.execute(f"set variable release_id = {quote_literal(release_id)}")
    connection.execute(f"set variable as_of = {quote_literal(str(as_of))}::date")
    for name, values in (("quiet_sources", quiet_sources), ("accepted_loads", accepted_loads(settings))):
        connection.execute(f"set variable {name} = [{', '.join(map(quote_literal, values))}]::varchar[]")
    return connection


def marts_frame(connection: duckdb.DuckDBPyConnection, suite: str) -> pd.DataFrame:
    """Make the frame of a suite: its query's result or, where it has no query, what is written here for it."""
    query = suite_query(suite)
    if query is None:
        return IN_PYTHON[suite](connection)
    if "daily_facts" in query:
        connection.execute(f"create or replace temp view daily_facts as {_daily_facts()}")
    return connection.execute(query).df()


def _daily_facts() -> str:
    """SQL: source, fact and days of the rows of facts of which there are some on any day, as their ymls say."""
    return " union all ".join(
        f"select source_system, {quote_literal(table.name)} as fact, {table.contract.date} as day, known_date"
        f" from {name}"
        for name, table in published().items()
        if table.contract.is_daily
    )


def _grain_frame(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """One row per published table and key: rows whose key is missing, rows whose key is there already."""
    tables = {table.full_name: table for table in read_tables(connection, "warehouse")}
    rows = []
    for name, described in published().items():
        for key in described.keys:
            is_there = name in tables and set(key) <= set(tables[name].columns)
            without, repeated = _bad_keys(connection, tables[name].sql_name, key) if is_there else (0, 0)
            rows.append(
                {
                    "table_name": name,
                    "key": ", ".join(key),
                    "is_there": is_there,
                    "without_key": without,
                    "repeated": repeated,
                }
            )
    return pd.DataFrame(rows)


def _bad_keys(connection: duckdb.DuckDBPyConnection, sql_name: str, key: tuple[str, ...]) -> tuple[int, int]:
    columns = [quote_identifier(name) for name in key]
    missing = " or ".join(f"{column} is null" for column in columns)
    found: tuple[int, int] = connection.execute(
        f"select count(*) filter ({missing}), count(*) - count(distinct ({', '.join(columns)})) from {sql_name}"
    ).fetchall()[0]
    return found


def _contract_frame(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """One row per column that the yml of a published mart promises, and whether it is there."""
    there = {(table.full_name, name) for table in read_tables(connection, "warehouse") for name in table.columns}
    return pd.DataFrame(
        {"table_name": table, "column_name": name, "is_there": (table, name) in there}
        for table, name in promised_columns()
    )


def promised_columns() -> list[tuple[str, str]]:
    """Table and column of each column in the yml of the published marts."""
    return [
        (name, column.name)
        for name, table in published().items()
        if table.schema == "marts"
        for column in table.columns
    ]


def _columns_frame(connection: duckdb.DuckDBPyConnection) -> pd.DataFrame:
    """One row per column that would be published to BI, and how many of its values look like an e-mail address."""
    rows = []
    for table in published_tables(read_tables(connection, "warehouse")):
        texts = [name for name, kind in table.columns.items() if kind == "VARCHAR"]
        found = dict(zip(texts, _values_like_email(connection, table.sql_name, texts), strict=True))
        rows += [
            {"table_name": table.full_name, "column_name": name, "values_like_email": found.get(name, 0)}
            for name in table.columns
        ]
    return pd.DataFrame(rows)


def _values_like_email(connection: duckdb.DuckDBPyConnection, sql_name: str, columns: list[str]) -> tuple[int, ...]:
    if not columns:
        return ()
    counts = ", ".join(
        f"count(*) filter (contains({name}, '@') and regexp_matches({name}, '{EMAIL}'))"
        for name in map(quote_identifier, columns)
    )
    return connection.execute(f"select {counts} from {sql_name}").fetchall()[0]


ACCOUNTS = "marts_accounts"
IN_PYTHON = {
    ACCOUNTS: balance,
    "marts_collapse": collapse_frame,
    "marts_columns": _contract_frame,
    "marts_grain": _grain_frame,
    "marts_personal_data": _columns_frame,
    "marts_relationships": references_frame,
}
