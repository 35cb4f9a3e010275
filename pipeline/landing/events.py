"""When the rows of a table happened."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import duckdb

from pipeline.duck import quote_identifier, quote_literal
from pipeline.errors import UserError
from pipeline.landing.readers import Request


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
    value = f"try_cast({quoted} as timestamp)"
    kind = connection.execute(f"describe select {quoted} from {relation}").fetchall()[0][1]
    if request.table.event_time_format:
        value = f"try_strptime(cast({quoted} as varchar), {quote_literal(request.table.event_time_format)})"
    elif kind == "TIMESTAMP WITH TIME ZONE":
        value = f"timezone('UTC', {quoted})"
    query = f"select min({value}), max({value}), any_value(cast({quoted} as varchar)) from {relation}"
    first, last, sample = connection.execute(query).fetchall()[0]
    if first is None and sample is not None:
        raise UserError(
            f"{request.label}: no value of the `event_time` column '{column}' can be read as a time, for example "
            f"'{sample}'. Set `event_time_format` for {request.definition}, for example \"%d/%m/%Y %H:%M\"."
        )
    if first is None:
        return None
    zone = "UTC" if kind == "TIMESTAMP WITH TIME ZONE" else request.source.event_zone
    return Span(_instant(first, zone), _instant(last, zone))


def _instant(moment: datetime | date, zone: str) -> datetime:
    whole = moment if isinstance(moment, datetime) else datetime.combine(moment, time())
    return whole.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
