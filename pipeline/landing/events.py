"""When the rows of a table happened."""

from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

from pipeline.duck import quote_identifier, quote_literal
from pipeline.errors import UserError
from pipeline.landing.readers import Request
from pipeline.macros import macros


@dataclass(frozen=True)
class Span:
    """First and last event as UTC instants."""

    first: datetime
    last: datetime


def event_span(connection: duckdb.DuckDBPyConnection, request: Request, relation: str) -> Span | None:
    """First and last event time of a relation; None when the table has none, or no rows.

    Raises
    ------
    UserError
        There are values, and none is a time.
    """
    column = request.table.event_time
    if column is None:
        return None
    quoted = quote_identifier(column)
    kind = connection.execute(f"describe select {quoted} from {relation}").fetchall()[0][1]
    value = event_instant_sql(column, kind, request.table.event_time_format, request.source.event_zone)
    query = f"select min({value}), max({value}), any_value(cast({quoted} as varchar)) from {relation}"
    first, last, sample = connection.execute(query).fetchall()[0]
    if first is None and sample is not None:
        raise UserError(
            f"{request.label}: no value of the `event_time` column '{column}' can be read as a time, for example "
            f"'{sample}'. Set `event_time_format` for {request.definition}, for example \"%d/%m/%Y %H:%M\"."
        )
    return None if first is None else Span(first.replace(tzinfo=UTC), last.replace(tzinfo=UTC))


def event_instant_sql(column: str, kind: str, time_format: str | None, zone: str) -> str:
    """SQL for when a row happened, as a UTC timestamp; null where the value is no time.

    Text is read as by dbt's `utc_timestamp`: an offset wins, and what has none is local time of `zone`.

    Parameters
    ----------
    column, kind
        Name and DuckDB type of the column.
    time_format
        strptime format of text, or None for ISO.
    """
    value = quote_identifier(column)
    text = f"trim(cast({value} as varchar))"
    if time_format:
        parsed = f"try_strptime({text}, {quote_literal(time_format)})"
        return f"timezone('UTC', {parsed})" if "%z" in time_format.lower() else _from_zone(parsed, zone)
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"timezone('UTC', {value})"
    if kind != "VARCHAR":
        return _from_zone(f"try_cast({value} as timestamp)", zone)
    read: str = macros("time", time_zone=zone)["utc_timestamp"](text, quote_literal(zone))
    return read


def _from_zone(local: str, zone: str) -> str:
    return f"timezone('UTC', timezone({quote_literal(zone)}, {local}))"
