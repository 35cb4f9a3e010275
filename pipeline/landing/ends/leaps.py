"""Ends that leap: the last rows of a table lie far from all others, as after a mistyped year."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import duckdb
import numpy as np

from pipeline.base.duck import quote_identifier
from pipeline.landing.events import Events, possible_sql, timestamp_sql
from pipeline.landing.readers import Request
from pipeline.sources.schema import Volume

MOST_NAMED = 3


@dataclass(frozen=True)
class Leap:
    """The rows of a table after its leap.

    Attributes
    ----------
    first
        The day (UTC) of the first of them.
    last
        The newest event.
    rows
        How many they are.
    rest
        The newest event before them.
    """

    first: datetime
    last: datetime
    rows: int
    rest: datetime


def find_leap(events: Events, volume: Volume | None, landed: datetime | None, start: datetime) -> Leap | None:
    """Find the first gap between the days of a table that no history explains.

    At most `leap_at_most` of the rows lie after it, and it is longer than `leap_days` and than every gap before it.
    Rows before `start` are of no history, and so few rows as may lie after a leap make none.

    Parameters
    ----------
    landed
        The newest event that has landed, or that a person has accepted: the end is there already.
    start
        The beginning of the source.
    """
    if volume is None:
        return None
    is_history = events.days >= np.datetime64(start.replace(tzinfo=None), "D")
    days, rows = events.days[is_history], events.rows[is_history]
    total = rows.sum()
    few = int(total * volume.leap_at_most)
    before = np.cumsum(rows)[:-1]
    gaps = np.diff(days).astype(int)
    known = np.maximum.accumulate(np.where(before > few, gaps, 0))
    known_before = np.concatenate([[0], known[:-1]])
    leaps = (total - before <= few) & (gaps > volume.leap_days) & (gaps > known_before)
    if landed is not None:
        leaps &= days[1:] > np.datetime64(landed.replace(tzinfo=None), "D")
    if not leaps.any():
        return None
    place = int(np.argmax(leaps))
    first: date = days[place + 1].item()
    rest = events.lasts[int(np.argmax(is_history)) + place]
    return Leap(datetime.combine(first, time(), UTC), events.last, int(total - before[place]), rest)


def why_leap(connection: duckdb.DuckDBPyConnection, request: Request, query: str, leap: Leap, read_at: datetime) -> str:
    """Say which rows leap, by their keys; `query` has `event_at`, `said` and the columns of the key."""
    table = request.table
    limit = table.volume.leap_days if table.volume else None
    named = ", ".join(f"cast({quote_identifier(name)} as varchar)" for name in table.key_columns) or "number"
    at = possible_sql("event_at", timestamp_sql(read_at))
    found = connection.execute(
        f"select said, {named} from (select *, row_number() over () as number from ({query})) "
        f"where {at} >= {timestamp_sql(leap.first)} order by event_at, number limit {MOST_NAMED}"
    ).fetchall()
    names = table.key_columns or ["row"]
    rows = [
        f"{', '.join(f'{name} {value}' for name, value in zip(names, values, strict=True))} ({table.event_time} {said})"
        for said, *values in found
    ]
    more = f" and {leap.rows - len(rows):,} more" if leap.rows > len(rows) else ""
    days = (leap.first.date() - leap.rest.date()).days
    return (
        f"its end leaps: {leap.rows:,} {'row lies' if leap.rows == 1 else 'rows lie'} {days:,} days after the others, "
        f"which end on {leap.rest:%Y-%m-%d}: {'; '.join(rows)}{more} (`volume: {{leap_days: {limit}}}`)."
    )
