"""What may stand in dags/sources/<name>.yml. pipeline.sources.definitions reads the files."""

import re
from datetime import UTC, date, datetime, time
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter  # type: ignore[import-untyped]
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from pipeline.base.errors import UserError
from pipeline.base.settings import CURRENCY, Settings, check_time_zone
from pipeline.sources.formats import FORMATS

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
RESERVED_COLUMNS = ("_cursor", "_file", "_generation", "_interval", "_op", "_position", "_table")
DATABASES = ("sqlite", "postgresql", "sql")
# No company's records begin outside; times of these years can be said in every zone.
FIRST_DAY, LAST_DAY = date(1900, 1, 1), date(2199, 12, 31)
LONGEST_HOURS = 24 * 366 * 10


def _time_zone(value: str) -> str:
    try:
        return check_time_zone(value, "time zone")
    except UserError as error:
        raise ValueError("not an IANA time zone; use a name such as Europe/London") from error


def _day(value: object) -> object:
    """Only what is written as a day: a number would be taken for seconds since 1970."""
    if not isinstance(value, date | str):
        raise ValueError("give a day such as 2024-01-31")
    return value


def _day_of_business(value: date) -> date:
    if not FIRST_DAY <= value <= LAST_DAY:
        raise ValueError(f"give a day from {FIRST_DAY} to {LAST_DAY}")
    return value


def _schedule(value: str) -> str:
    """`none`, or five fields of cron that some time fits. Fields that choose a time at random are refused."""
    if value == "none":
        return value
    advice = 'give "none", or when Airflow extracts, as cron: "0 4 * * *" is daily at four'
    try:
        cron = croniter(value)
        cron.get_next()
    except (CroniterError, ValueError, TypeError, KeyError, OverflowError) as error:
        raise ValueError(f"not a time of cron; {advice}") from error
    if len(cron.expanded) != 5 or any(part.upper().startswith(("R", "H")) for part in value.split()):
        raise ValueError(f"not five fields of cron that say a time; {advice}")
    return value


def _format(value: str) -> str:
    if value not in FORMATS:
        raise ValueError(f"use {', '.join(sorted(FORMATS))}")
    return value


def _text_encoding(value: str) -> str:
    try:
        "".encode(value)
    except LookupError as error:
        raise ValueError("not an encoding that Python knows; usual ones are utf-8, utf-16, cp1252, latin-1") from error
    return value


def _file_inside(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or "\\" in value or not path.parts:
        raise ValueError("give a path or glob inside `location`: not absolute, without '..' and '\\'")
    return value


def _one_character(value: str) -> str:
    if len(value) != 1 or value in '"\r\n':
        raise ValueError('give one character, for example "," or ";" or "\\t"')
    return value


Count = Annotated[int, Field(strict=True, ge=0, lt=2**31)]  # strict: yes and "3" are not numbers
Number = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Volume(_Strict):
    """How far a load may lie outside its table's history before a person must look at it.

    Attributes
    ----------
    at_least, at_most : float
        Factors: of the smallest and of the largest load before (rows a day of their interval; rows, for a snapshot).
    from_rows : int
        A difference of fewer rows is not held.
    gone_at_most : float
        Share of the rows that are there which one load may take away: deleted, marked so, or missing from a snapshot.
    gone_from_rows : int
        Fewer rows that are gone are not held: one of three is not a collapse.
    leap_days : int
        The end of a source without schedule leaps where its last rows lie more days after all others than this, and
        than those ever lay apart.
    leap_at_most : float
        Only so small a share of a table's rows is a leap: a business that opens again has more, and of fewer rows than
        one by this share it cannot be told.
    """

    at_least: Number = Field(default=0.2, le=1)
    at_most: Number = Field(default=5, ge=1)
    from_rows: Count = 1000
    gone_at_most: Number = Field(default=0.1, le=1)
    gone_from_rows: Count = Field(default=10, ge=1)
    leap_days: Count = Field(default=60, ge=1)
    leap_at_most: Number = Field(default=0.01, lt=1)


class Table(_Strict):
    """One table of a source, and how to read it.

    Attributes
    ----------
    file : str or None
        Path or glob inside the source's location. None: the location itself is the file.
    query_table, query_schema : str or None
        Name of the table or view in a database, as it is written there, and its schema.
    key : list of str or 'position'
        Columns that identify a row; 'position' when there are none, so that equal rows are different rows.
    load : {'snapshot', 'append', 'upsert'}
        snapshot: each load is the whole table. append: each load adds the files that have not been landed yet, or the
        rows whose cursor lies in its interval. upsert: such rows are also new versions of rows with the same key.
    event_time, event_time_format : str or None
        Column that says when a row happened, and its strptime format when it is text.
    cursor : str or None
        Column that says which of several rows of one key is the later one: a time, a number or text that sorts.
    deleted : str or None
        Column that is true where the row says that its key is gone.
    look_back_hours : int
        How long before its interval an upsert reads again: for rows that were committed after their cursor's time.
    key_scan_days : int
        Every how many days an upsert compares all keys with what has landed, which finds deleted rows, and rows later
        than the look-back. 0: never.
    whole_orders : bool
        Of a table of lines: each load that has an order has all of its lines, so that a line which is not among them is
        gone.
    personal : list of str
        Columns that identify a person, or hold free text: they land in a file of their own, which can be erased.
    volume : Volume or None
        When a load is held for a person. None: never.
    sheet : str or None
        Sheet of an Excel file; None: the first.
    lookup : bool
        Models join it by its key, as the names of categories: its rows are of no entity.
    columns : list of str, or dict of str to [start, end]
        Columns that must be there; for fixed_width their character positions, from 0, the end excluded.
    """

    file: Annotated[str, AfterValidator(_file_inside)] | None = None
    format: Annotated[str, AfterValidator(_format)] | None = None
    query_table: Annotated[str, Field(min_length=1)] | None = None
    query_schema: Annotated[str, Field(min_length=1)] | None = None
    key: Annotated[list[str], Field(min_length=1)] | Literal["position"]
    load: Literal["snapshot", "append", "upsert"]
    event_time: str | None = None
    event_time_format: str | None = None
    cursor: str | None = None
    deleted: str | None = None
    look_back_hours: Count = Field(default=24, le=LONGEST_HOURS)
    key_scan_days: Count = Field(default=7, le=LONGEST_HOURS // 24)
    whole_orders: bool = False
    personal: list[str] = Field(default_factory=list)
    volume: Volume | None = Volume()
    sheet: str | None = None
    columns: list[str] | dict[str, tuple[Count, Count]] = Field(default_factory=list)
    encoding: Annotated[str, AfterValidator(_text_encoding)] = "utf-8"
    delimiter: Annotated[str, AfterValidator(_one_character)] = ","
    header: bool = True
    skip_rows: Count = 0
    may_be_empty: bool = False
    lookup: bool = False

    @property
    def reader(self) -> str:
        """Name of the reader: the file format, or database."""
        return self.format or "database"

    @property
    def key_columns(self) -> list[str]:
        """Columns of the key; none for `key: position`."""
        return [] if self.key == "position" else list(self.key)

    @property
    def named_columns(self) -> list[str]:
        """Columns that other keys of the definition name: they must be there."""
        named = filter(None, (self.event_time, self.cursor, self.deleted))
        return list(dict.fromkeys([*self.key_columns, *named]))

    @property
    def positions(self) -> dict[str, tuple[int, int]]:
        """Character positions of the columns of fixed_width."""
        return self.columns if isinstance(self.columns, dict) else {}

    @model_validator(mode="after")
    def _check_format(self) -> Self:
        if (self.format is None) == (self.query_table is None):
            raise ValueError("give `format` (kind files) or `query_table` (a database), one of the two")
        if (self.format == "fixed_width") != isinstance(self.columns, dict):
            raise ValueError(
                "`columns` is a mapping of name: [start, end] for fixed_width, and a list of names otherwise"
            )
        if self.format in ("csv", "whitespace", "excel") and not self.header and not self.columns:
            raise ValueError("`header: false` needs `columns`: the names in the order of the file")
        for name, (start, end) in self.positions.items():
            if not 0 <= start < end:
                raise ValueError(f"column '{name}': [{start}, {end}] is not [start, end] with 0 <= start < end")
        return self

    @model_validator(mode="after")
    def _check_columns(self) -> Self:
        names = list(self.columns)
        for name in names:
            if name.lower() in RESERVED_COLUMNS:
                raise ValueError(f"column '{name}' is a name that landing uses itself; rename it in the file")
            if [other.lower() for other in names].count(name.lower()) > 1:
                raise ValueError(f"`columns` names '{name}' twice")
        for name in self.named_columns:
            if names and name not in names:
                raise ValueError(
                    f"'{name}' (key, event_time, cursor or deleted) is not in `columns`: {', '.join(names)}"
                )
        return self

    @model_validator(mode="after")
    def _check_versions(self) -> Self:
        is_window = self.query_table is not None and self.load == "append"  # there the cursor says which rows are new
        for name in ("cursor", "deleted"):
            if getattr(self, name) and self.key == "position" and not (is_window and name == "cursor"):
                raise ValueError(f"`{name}` needs a `key`: with `key: position` no row is a version of another")
        if self.lookup and self.key == "position":
            raise ValueError("`lookup` needs a `key`: models join the table by it")
        if self.deleted and self.deleted in {self.cursor, self.event_time, *self.key_columns}:
            raise ValueError(f"'{self.deleted}' is named for `deleted` and for something else")
        if self.load == "upsert" and (self.key == "position" or not self.cursor):
            raise ValueError("`load: upsert` needs a `key`, and the `cursor` that says which rows are new")
        if self.whole_orders and self.load == "snapshot":
            raise ValueError("`whole_orders` is of `append` and `upsert`: a snapshot says itself which lines are gone")
        if self.whole_orders and self.load == "upsert" and self.key_scan_days:
            raise ValueError(
                "`whole_orders` of an upsert needs `key_scan_days: 0`: comparing keys reads single lines of an order"
            )
        if used := set(self.personal) & {self.cursor, self.deleted, self.event_time, *self.key_columns}:
            raise ValueError(f"'{min(used)}' is `personal`, so it can be erased: it cannot be key, cursor or time")
        return self


class Source(_Strict):
    """A source system: dags/sources/<name>.yml.

    Attributes
    ----------
    location : str or None
        Folder, file or fsspec address (`s3://…`) of kind files; the file of kind sqlite.
    connection : str or None
        Id of the Airflow connection of a database server; AIRFLOW_CONN_<ID> in the environment goes first.
    max_connections : int
        How many tables are read side by side, over all loads of the source that are running.
    fresh_within_hours : int or None
        How far the source's newest landed end may lie behind that of the other sources.
    """

    name: str
    description: str
    kind: Literal["files", "sqlite", "postgresql", "sql"]
    location: str | None = None
    connection: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")] | None = None
    max_connections: Count = Field(default=4, ge=1, le=1000)
    fresh_within_hours: Count | None = Field(default=None, ge=1)
    hint: str | None = None
    schedule: Annotated[str, AfterValidator(_schedule)]
    currency: Annotated[str, Field(pattern=CURRENCY)]
    time_zone: Annotated[str, AfterValidator(_time_zone)]
    timestamps_in: Annotated[str, AfterValidator(_time_zone)] | None = None
    history: Literal["complete", "extract"]
    first_interval_start: Annotated[date, BeforeValidator(_day), AfterValidator(_day_of_business)]
    tables: dict[str, Table] = Field(min_length=1)

    @property
    def is_scheduled(self) -> bool:
        """Whether intervals come from a timetable; otherwise the newest event ends the load."""
        return self.schedule != "none"

    @property
    def is_database(self) -> bool:
        """Whether tables are queried, not read from files."""
        return self.kind in DATABASES

    def has_history(self, table: Table) -> bool:
        """Whether all loads of a table together say what it is; otherwise the newest one does.

        A whole table that is delivered again without a schedule says nothing of when it became true, and rows without
        a key cannot be compared.
        """
        return table.load != "snapshot" or (self.is_scheduled and table.key != "position")

    @property
    def event_zone(self) -> str:
        """Time zone of the source's naive timestamps."""
        return self.timestamps_in or self.time_zone

    def business_zone(self, settings: Settings) -> ZoneInfo:
        """Return the business time zone: the setting, else the source's."""
        return ZoneInfo(settings.time_zone or self.time_zone)

    def first_start(self, settings: Settings) -> datetime:
        """Return the start of the first interval in UTC: local midnight of `first_interval_start`."""
        return datetime.combine(self.first_interval_start, time(), self.business_zone(settings)).astimezone(UTC)

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        is_server = self.kind in ("postgresql", "sql")
        if is_server and (self.connection is None or self.location is not None):
            raise ValueError(f"kind {self.kind} needs `connection`, the id of an Airflow connection, and no `location`")
        if not is_server and (self.location is None or self.connection is not None):
            raise ValueError(f"kind {self.kind} needs `location`, and no `connection`")
        if self.location and urlsplit(self.location).password:
            raise ValueError("`location` holds a password; leave it to the environment of the file system's library")
        return self

    def _has_end(self, table: Table) -> bool:
        """Whether a table says where the data end: by its events, or by the cursor that a database is read by."""
        return table.event_time is not None or (self.is_database and table.load != "snapshot")

    @model_validator(mode="after")
    def _check_tables(self) -> Self:
        for name, table in self.tables.items():
            if not NAME.fullmatch(name):
                raise ValueError(f"table name '{name}': use lower-case letters, digits and _")
            if self.is_database != (table.query_table is not None):
                needed = "query_table" if self.is_database else "format"
                raise ValueError(f"table '{name}': kind {self.kind} needs `{needed}`")
            if self.is_database and table.file is not None:
                raise ValueError(f"table '{name}': a table of kind {self.kind} has no `file`")
            if self.is_database and table.load == "append" and not table.cursor:
                raise ValueError(f"table '{name}': `load: append` needs the `cursor` that says which rows are new")
            if not self.is_database and table.load == "upsert":
                raise ValueError(
                    f"table '{name}': files are `append` (each file once; rows of one key are versions) or `snapshot`"
                )
        if not self.is_scheduled and not any(self._has_end(table) for table in self.tables.values()):
            raise ValueError("`schedule: none` needs `event_time` on a table: the newest event ends the load")
        return self
