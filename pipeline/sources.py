"""Source definitions: dags/sources/<name>.yml read and checked, and what each source provides."""

import codecs
import difflib
import os
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline import settings as project
from pipeline.errors import UserError
from pipeline.settings import Settings, check_time_zone

NAME = re.compile(r"[a-z][a-z0-9_]*")
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
RESERVED_COLUMNS = ("_file", "_interval", "_op", "_position", "_table")
TEXT_FORMATS = ("csv", "fixed_width")


def _time_zone(value: str) -> str:
    try:
        return check_time_zone(value, "time zone")
    except UserError as error:
        raise ValueError(str(error)) from error


def _text_encoding(value: str) -> str:
    try:
        "".encode(value)
        codecs.getincrementaldecoder(value)
    except LookupError as error:
        raise ValueError("not an encoding that Python knows; usual ones: utf-8, utf-16, cp1252, latin-1") from error
    return value


def _relative_file(value: str) -> str:
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or "\\" in value or not path.parts:
        raise ValueError("give a path inside `location`, without '..' and not absolute")
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
        Name or glob inside the source's location. None: the location itself is the file.
    key : list of str or 'position'
        Columns that identify a row; 'position' when there are none, so that equal rows are different rows.
    load : {'snapshot', 'append'}
        snapshot: each load is the whole table. append: each load adds the files that have not been landed yet.
    event_time, event_time_format : str or None
        Column that says when a row happened, and its strptime format when it is text.
    columns : list of str or dict of str to [start, end]
        Columns that must be there; for fixed_width the columns and their character positions, from 0, end excluded.
    """

    file: Annotated[str, AfterValidator(_relative_file)] | None = None
    format: Literal["parquet", "csv", "fixed_width"] | None = None
    query_table: str | None = None
    key: list[str] | Literal["position"]
    load: Literal["snapshot", "append"]
    event_time: str | None = None
    event_time_format: str | None = None
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

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.format is None) == (self.query_table is None):
            raise ValueError("give `format` (kind files) or `query_table` (kind sqlite), one of the two")
        if (self.format == "fixed_width") != isinstance(self.columns, dict):
            raise ValueError("`columns` of fixed_width is a mapping of name: [start, end]; of all others a list of names")
        if self.format == "csv" and not self.header and not self.columns:
            raise ValueError("`header: false` needs `columns`: the names in file order")
        names = list(self.columns)
        if len({name.lower() for name in names}) < len(names):
            raise ValueError("`columns` names a column twice")
        if isinstance(self.columns, dict):
            for name, (start, end) in self.columns.items():
                if not 0 <= start < end:
                    raise ValueError(f"column '{name}': [{start}, {end}] is not [start, end] with 0 <= start < end")
        used = [] if self.key == "position" else list(self.key)
        for name in [*used, *([self.event_time] if self.event_time else [])]:
            if names and name not in names:
                raise ValueError(f"'{name}' (key or event_time) is not in `columns`: {', '.join(names)}")
        for name in names:
            if name.lower() in RESERVED_COLUMNS:
                raise ValueError(f"column '{name}': landing adds a column of this name; rename it at the source")
        if self.key == []:
            raise ValueError("`key` is empty: name the columns, or write `key: position`")
        return self


class Source(_Strict):
    """A source system: dags/sources/<name>.yml."""

    name: str
    description: str
    kind: Literal["files", "sqlite"]
    location: str
    hint: str | None = None
    schedule: str
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    time_zone: Annotated[str, AfterValidator(_time_zone)]
    timestamps_in: Annotated[str, AfterValidator(_time_zone)] | None = None
    history: Literal["complete", "extract"]
    first_interval_start: date
    tables: dict[str, Table] = Field(min_length=1)

    @property
    def is_scheduled(self) -> bool:
        """Whether intervals come from a timetable; otherwise the newest event ends the one interval."""
        return self.schedule != "none"

    @property
    def event_zone(self) -> str:
        """Time zone of the source's naive timestamps."""
        return self.timestamps_in or self.time_zone

    def zone(self, settings: Settings) -> ZoneInfo:
        """Business time zone: the setting, else the source's."""
        return ZoneInfo(settings.time_zone or self.time_zone)

    def first_start(self, settings: Settings) -> datetime:
        """Start of the first interval in UTC: local midnight of `first_interval_start`."""
        return datetime.combine(self.first_interval_start, time(), self.zone(settings)).astimezone(UTC)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name, table in self.tables.items():
            if not NAME.fullmatch(name):
                raise ValueError(f"table name '{name}': use lower-case letters, digits and _")
            if (self.kind == "sqlite") != (table.query_table is not None):
                raise ValueError(f"table '{name}': kind {self.kind} needs `{'query_table' if self.kind == 'sqlite' else 'format'}`")
        if not self.is_scheduled and not any(table.event_time for table in self.tables.values()):
            raise ValueError("`schedule: none` needs `event_time` on a table: the newest event ends the load")
        return self


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which a key that is written twice is an error, not a silent overwrite."""


def _unique_mapping(loader: _UniqueKeys, node: yaml.MappingNode) -> dict[Any, Any]:
    seen = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if key in seen:
            line = key_node.start_mark.line + 1
            raise yaml.constructor.ConstructorError(None, None, f"'{key}' is there twice (again in line {line})")
        seen.add(key)
    return loader.construct_mapping(node)


_UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def source_file(name: str) -> Path:
    """Path of a source's definition."""
    return project.SOURCE_FILES / f"{name}.yml"


def _relative(path: Path) -> str:
    return path.relative_to(project.ROOT).as_posix() if path.is_relative_to(project.ROOT) else str(path)


def load_source(name: str, settings: Settings | None = None) -> Source:
    """Read and check dags/sources/<name>.yml.

    Raises
    ------
    UserError
        There is no such file, or it is not a valid definition; the message names file, key and value.
    """
    path = source_file(name)
    if not NAME.fullmatch(name) or not path.is_file():
        known = ", ".join(project.known_sources())
        raise UserError(f"Unknown source '{name}'. Known: {known}. To add it, write dags/sources/{name}.yml (docs/adding_a_source.md).")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeys)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{_relative(path)} is not valid YAML: {error}") from error
    if not isinstance(content, dict):
        raise UserError(f"{_relative(path)} is not a mapping of keys. Copy dags/sources/complete_journey.yml and change it.")
    try:
        return Source.model_validate({**content, "name": name})
    except ValidationError as error:
        problems = "\n".join(f"  - {_problem(item)}" for item in error.errors())
        raise UserError(f"{_relative(path)} is not a valid source definition:\n{problems}") from error


def _problem(item: Any) -> str:
    where = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        model = Table if len(item["loc"]) > 1 else Source
        valid = sorted(set(model.model_fields) - {"name"})
        close = difflib.get_close_matches(str(item["loc"][-1]), valid, n=1)
        advice = f"did you mean '{close[0]}'?" if close else f"valid keys: {', '.join(valid)}"
        return f"unknown key '{where}': {advice}"
    if item["type"] == "missing":
        return f"'{where}' is missing"
    message = item["msg"].removeprefix("Value error, ")
    if item["type"] == "value_error" and isinstance(item["input"], dict):
        return f"'{where}': {message}" if where else message
    return f"'{where}' is {item['input']!r}: {message}"


def location_of(source: Source, settings: Settings, env: Mapping[str, str] = os.environ) -> Path:
    """Folder or file of a source, with ${VARIABLES} replaced; a relative path starts at the project's folder.

    Raises
    ------
    UserError
        A variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        variable = match[1]
        text = str(settings.data) if variable == "CRM_DATA" else env.get(variable)
        if not text:
            raise UserError(
                f"{_relative(source_file(source.name))}: `location: {source.location}` needs the environment variable "
                f"{variable}, which is not set.{next_step(source)}"
            )
        return text

    return project.ROOT / VARIABLE.sub(value, source.location)


def next_step(source: Source) -> str:
    """The source's hint as a sentence, for the end of a message."""
    return f" Next step: {source.hint}." if source.hint else ""


def active_sources(settings: Settings) -> list[Source]:
    """Definitions of the sources named in CRM_SOURCES, by name."""
    return [load_source(name, settings) for name in sorted(settings.sources)]


def company(settings: Settings) -> tuple[str, str]:
    """Reporting currency and business time zone: from the environment, else what the active sources agree on.

    Raises
    ------
    UserError
        The sources disagree and the environment does not decide.
    """
    sources = active_sources(settings)
    currency = settings.currency or _agreed({s.name: s.currency for s in sources}, "currency", "CRM_CURRENCY")
    time_zone = settings.time_zone or _agreed({s.name: s.time_zone for s in sources}, "time zone", "CRM_TIME_ZONE")
    return currency, time_zone


def _agreed(values: dict[str, str], what: str, variable: str) -> str:
    if len(set(values.values())) > 1:
        listed = ", ".join(f"{name}: {value}" for name, value in values.items())
        raise UserError(f"The sources have more than one {what} ({listed}). Set {variable} to the one to report in.")
    return next(iter(values.values()))


def contract_entities() -> list[str]:
    """Entities of the input contract: dbt_project/models/intermediate/int_<entity>.sql."""
    names = (path.stem.removeprefix("int_") for path in (project.DBT_PROJECT / "models" / "intermediate").glob("int_*.sql"))
    return sorted(name for name in names if "__" not in name)


def providers(settings: Settings) -> dict[str, list[str]]:
    """Which active sources provide which entity, from the names of their staging models.

    Raises
    ------
    UserError
        A staging model is of no known entity, or a source provides no orders.
    """
    known = contract_entities()
    provided: dict[str, list[str]] = {}
    for source in sorted(settings.sources):
        folder = project.STAGING / source
        entities = []
        for path in sorted(folder.glob("*.sql")):
            prefix, _, entity = path.stem.partition("__")
            if prefix != f"stg_{source}" or entity not in known:
                raise UserError(
                    f"{_relative(path)}: name it stg_{source}__<entity>.sql, the entity being one of {', '.join(known)}."
                )
            entities.append(entity)
        if "orders" not in entities:
            raise UserError(
                f"Source '{source}' provides no orders: write {_relative(folder)}/stg_{source}__orders.sql "
                "(docs/adding_a_source.md). Found: " + (", ".join(entities) or "no staging model") + "."
            )
        for entity in entities:
            provided.setdefault(entity, []).append(source)
    return {entity: provided[entity] for entity in sorted(provided)}
