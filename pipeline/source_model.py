"""What may stand in dags/sources/<name>.yml. pipeline.sources reads the files."""

import re
from datetime import UTC, date, datetime, time
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from pipeline.errors import UserError
from pipeline.settings import CURRENCY, Settings, check_time_zone

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
RESERVED_COLUMNS = ("_cursor", "_file", "_generation", "_interval", "_op", "_position", "_table")


def _time_zone(value: str) -> str:
    try:
        return check_time_zone(value, "time zone")
    except UserError as error:
        raise ValueError("not an IANA time zone; use a name such as Europe/London") from error


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


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Table(_Strict):
    """One table of a source, and how to read it.

    Attributes
    ----------
    file : str or None
        Path or glob inside the source's location. None: the location itself is the file.
    key : list of str or 'position'
        Columns that identify a row; 'position' when there are none, so that equal rows are different rows.
    load : {'snapshot', 'append'}
        snapshot: each load is the whole table. append: each load adds the files that have not been landed yet.
    event_time, event_time_format : str or None
        Column that says when a row happened, and its strptime format when it is text.
    cursor : str or None
        Column that says which of several rows of one key is the later one: a time, a number or text that sorts.
    deleted : str or None
        Column that is true where the row says that its key is gone.
    columns : list of str, or dict of str to [start, end]
        Columns that must be there; for fixed_width their character positions, from 0, the end excluded.
    """

    file: Annotated[str, AfterValidator(_file_inside)] | None = None
    format: Literal["parquet", "csv", "fixed_width", "jsonl"] | None = None
    query_table: str | None = None
    key: Annotated[list[str], Field(min_length=1)] | Literal["position"]
    load: Literal["snapshot", "append"]
    event_time: str | None = None
    event_time_format: str | None = None
    cursor: str | None = None
    deleted: str | None = None
    columns: list[str] | dict[str, tuple[int, int]] = Field(default_factory=list)
    encoding: Annotated[str, AfterValidator(_text_encoding)] = "utf-8"
    delimiter: Annotated[str, AfterValidator(_one_character)] = ","
    header: bool = True
    skip_rows: int = Field(default=0, ge=0)
    may_be_empty: bool = False

    @property
    def reader(self) -> str:
        """Name of the reader: the file format, or sqlite."""
        return self.format or "sqlite"

    @property
    def key_columns(self) -> list[str]:
        """Columns of the key; none for `key: position`."""
        return [] if self.key == "position" else list(self.key)

    @property
    def named_columns(self) -> list[str]:
        """Columns that other keys of the definition name: they must be there."""
        return list(dict.fromkeys([*self.key_columns, *filter(None, (self.event_time, self.cursor, self.deleted))]))

    @property
    def positions(self) -> dict[str, tuple[int, int]]:
        """Character positions of the columns of fixed_width."""
        return self.columns if isinstance(self.columns, dict) else {}

    @model_validator(mode="after")
    def _check_format(self) -> Self:
        if (self.format is None) == (self.query_table is None):
            raise ValueError("give `format` (kind files) or `query_table` (kind sqlite), one of the two")
        if (self.format == "fixed_width") != isinstance(self.columns, dict):
            raise ValueError(
                "`columns` is a mapping of name: [start, end] for fixed_width, and a list of names otherwise"
            )
        if self.format == "csv" and not self.header and not self.columns:
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
        for name in ("cursor", "deleted"):
            if getattr(self, name) and self.key == "position":
                raise ValueError(f"`{name}` needs a `key`: with `key: position` no row is a version of another")
        if self.deleted and self.deleted in {self.cursor, self.event_time, *self.key_columns}:
            raise ValueError(f"'{self.deleted}' is named for `deleted` and for something else")
        return self


class Source(_Strict):
    """A source system: dags/sources/<name>.yml."""

    name: str
    description: str
    kind: Literal["files", "sqlite"]
    location: str
    hint: str | None = None
    schedule: str
    currency: Annotated[str, Field(pattern=CURRENCY)]
    time_zone: Annotated[str, AfterValidator(_time_zone)]
    timestamps_in: Annotated[str, AfterValidator(_time_zone)] | None = None
    history: Literal["complete", "extract"]
    first_interval_start: date
    tables: dict[str, Table] = Field(min_length=1)

    @property
    def is_scheduled(self) -> bool:
        """Whether intervals come from a timetable; otherwise the newest event ends the load."""
        return self.schedule != "none"

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
    def _check_tables(self) -> Self:
        is_database = self.kind == "sqlite"
        for name, table in self.tables.items():
            if not NAME.fullmatch(name):
                raise ValueError(f"table name '{name}': use lower-case letters, digits and _")
            if is_database != (table.query_table is not None):
                raise ValueError(
                    f"table '{name}': kind {self.kind} needs `{'query_table' if is_database else 'format'}`"
                )
            if is_database and (table.file is not None or table.load == "append"):
                raise ValueError(f"table '{name}': a table of kind sqlite has no `file`, and its `load` is snapshot")
        if not self.is_scheduled and not any(table.event_time for table in self.tables.values()):
            raise ValueError("`schedule: none` needs `event_time` on a table: the newest event ends the load")
        return self
