"""Which interval a load covers."""

from datetime import datetime

from pipeline.base.errors import UserError
from pipeline.landing.receipts import Receipt, instant, iso, newest
from pipeline.sources.definitions import Source, Table


def later_interval(
    source: Source, table: Table, earlier: list[Receipt], end: datetime, forced: tuple[datetime | None, bool]
) -> tuple[datetime, datetime] | None:
    """Interval of a load that is not the first; None when it has landed."""
    last = newest(earlier, is_scheduled=source.is_scheduled)
    assert last is not None
    landed = instant(last["interval_start"]), instant(last["interval_end"])
    start, is_forced = forced
    if is_forced and source.is_database:
        if table.load == "snapshot" and end < landed[1]:
            return None  # a database says of a whole table only what is in it now
        if start is None:
            return landed
        asked = min(start, landed[1]), end  # what lies between the last landed end and a later start is not left out
        return asked if table.key_columns else whole_intervals(asked, earlier)
    if landed[1] < end:
        return landed[1], end
    return None if source.is_database and source.is_scheduled else landed


def whole_intervals(asked: tuple[datetime, datetime], earlier: list[Receipt]) -> tuple[datetime, datetime]:
    """Widen an interval to whole landed ones: rows without a key are replaced interval by interval."""
    start, end = asked
    landed = [(instant(receipt["interval_start"]), instant(receipt["interval_end"])) for receipt in earlier]
    while touched := [each for each in landed if each[0] < end and start < each[1]]:
        wider = min(start, *(each[0] for each in touched)), max(end, *(each[1] for each in touched))
        if wider == (start, end):
            break
        start, end = wider
    return start, end


def check_order(source: Source, first: datetime, start: datetime | None, end: datetime) -> None:
    """Raise when an interval ends before it begins, or lies before its source does.

    Raises
    ------
    UserError
        The message says which, and what to correct.
    """
    if start is not None and end <= start:
        raise UserError(
            f"Source '{source.name}': the interval ends at {iso(end)}, before it begins at {iso(start)}. "
            "Give FROM an earlier day than TO."
        )
    if start is not None and start < first:
        raise UserError(
            f"Source '{source.name}': the interval begins at {iso(start)}, before the source does at {iso(first)} "
            f"(`first_interval_start`). Begin later, or correct the date in dags/sources/{source.name}.yml."
        )
    if end <= first:
        raise UserError(
            f"Source '{source.name}': its data end at {iso(end)}, before its `first_interval_start` ({iso(first)}). "
            f"Correct the date in dags/sources/{source.name}.yml."
        )
