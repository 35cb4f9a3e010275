"""Source definitions: dags/sources/<name>.yml read and checked, and what each source provides."""

import difflib
import os
import re
import reprlib
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from pipeline.base import settings as project
from pipeline.base.errors import UserError
from pipeline.base.settings import Settings
from pipeline.base.yaml_file import YamlFile, read_yaml
from pipeline.build.staging import check_models
from pipeline.sources.schema import NAME, Source, Table, Volume

__all__ = [
    "Source",
    "Table",
    "active_sources",
    "broken",
    "broken_inactive",
    "company",
    "load_source",
    "location_of",
    "location_text",
    "next_step",
    "providers",
]

SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = 60
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def source_file(name: str) -> Path:
    """Return the path of a source's definition."""
    return project.SOURCE_FILES / f"{name}.yml"


def load_source(name: str) -> Source:
    """Read and check dags/sources/<name>.yml.

    Raises
    ------
    UserError
        There is no such file, or it is not a valid definition; one sentence names file, line, key and value.
    """
    path = source_file(name)
    if not path.exists():
        raise UserError(
            f"Unknown source '{name}'. Known: {', '.join(project.known_sources())}. "
            f"To add it, write dags/sources/{name}.yml; names have lower-case letters, digits and _ "
            "(docs/adding_a_source.md)."
        )
    if not NAME.fullmatch(name):
        raise UserError(
            f"{project.shown(path)}: names of sources have lower-case letters, digits and _. Rename the file."
        )
    file = read_yaml(path)
    if "name" in file.content:
        raise UserError(f"{project.shown(path)}: unknown key 'name': the file's name is the source's. Remove it.")
    try:
        return Source.model_validate({**file.content, "name": name})
    except ValidationError as error:
        said = _problems(file, error)
        end = "" if said.endswith("?") else "."
        raise UserError(f"{said}{end} Correct it there (docs/adding_a_source.md).") from error


def _problems(file: YamlFile, error: ValidationError) -> str:
    """All that is wrong, each with its line, in one sentence."""
    said: dict[tuple[int, str], list[str]] = {}
    for item in error.errors():
        where = file.known(item["loc"])
        subject, message = _problem(item, ".".join(map(str, where)))
        said.setdefault((file.line_of(where), subject), []).append(message)  # a value of several types: each says no
    problems = [
        f"line {line}: {subject}{' or '.join(dict.fromkeys(messages))}" for (line, subject), messages in said.items()
    ]
    shown = project.shown(file.path)
    return f"{shown}, {problems[0]}" if len(problems) == 1 else f"{shown}: {'; '.join(problems)}"


def _problem(item: Any, where: str) -> tuple[str, str]:
    """What is wrong: the key with its value, and what is said of it."""
    last = str(item["loc"][-1]) if item["loc"] else ""
    if item["type"] == "extra_forbidden":
        valid = sorted(set(_model_at(item["loc"]).model_fields) - {"name"})
        close = difflib.get_close_matches(last, valid, n=1)
        return f"unknown key '{where}': ", f"did you mean '{close[0]}'?" if close else f"use {', '.join(valid)}"
    if item["type"] == "missing":
        return f"'{f'{where}.{last}' if where else last}' is missing", ""
    message = item["msg"].removeprefix("Value error, ")
    if last == "[key]" or item["type"] == "invalid_key":
        return f"'{where}' is not a key: ", "keys are words"
    if isinstance(item["input"], dict | Source | Table):
        return f"'{where}': " if where else "", message
    value = item["input"]
    return f"'{where}' is {SHORT.repr(str(value) if isinstance(value, date) else value)}: ", message


def _model_at(keys: tuple[int | str, ...]) -> type[BaseModel]:
    """What the keys of a place in the file are those of."""
    return Source if keys[0] != "tables" else Volume if "volume" in keys[2:-1] else Table


def location_of(source: Source, settings: Settings, env: Mapping[str, str] = os.environ) -> Path:
    """Return the folder or file of a source; a relative path starts at the project's folder."""
    return project.ROOT / location_text(source, settings, env)


def location_text(source: Source, settings: Settings, env: Mapping[str, str] = os.environ) -> str:
    """Return a source's location, a path or an address of fsspec, with ${VARIABLES} replaced.

    Raises
    ------
    UserError
        A variable is not set.
    """
    folders = {"CRM_DATA": str(settings.data), "CRM_HOME": str(settings.named_home)}

    def value(match: re.Match[str]) -> str:
        variable = match[1]
        text = folders.get(variable) or env.get(variable)
        if not text:
            shown = project.shown(source_file(source.name))
            raise UserError(
                f"{shown}: `location: {source.location}` needs the environment variable "
                f"{variable}, which is not set.{next_step(source) or f' Set {variable}.'}"
            )
        return text

    assert source.location is not None  # sources without a place of files have a connection
    return VARIABLE.sub(value, source.location)


def next_step(source: Source) -> str:
    """Return the source's hint as a sentence, for the end of a message."""
    return f" Next step: {source.hint}." if source.hint else ""


def active_sources(settings: Settings) -> list[Source]:
    """Return the definitions of the sources named in CRM_SOURCES, by name."""
    return [load_source(name) for name in sorted(settings.sources)]


def broken_inactive(settings: Settings) -> list[str]:
    """What cannot be read of sources that are not active: a warning of one sentence each."""
    found = broken(name for name in project.known_sources() if name not in settings.sources)
    return [f"Source '{name}' is not active, and could not be: {problem}" for name, problem in found.items()]


def broken(names: Iterable[str]) -> dict[str, str]:
    """Those of some sources whose files cannot be read, and what is wrong with them.

    A source without staging models is not broken: they are still to be written.
    """
    found = {}
    for name in names:
        try:
            load_source(name)
            check_models(name)
        except UserError as error:
            found[name] = str(error)
    return found


def company(settings: Settings) -> tuple[str, str]:
    """Return reporting currency and business time zone: from the environment, else what the active sources agree on.

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
    """Return the entities of the input contract: dbt_project/models/intermediate/int_<entity>.sql."""
    files = (project.DBT_PROJECT / "models" / "intermediate").glob("int_*__rows.sql")
    return sorted(path.stem.removeprefix("int_").removesuffix("__rows") for path in files)


def providers(settings: Settings, *, needs_orders: bool = True) -> dict[str, list[str]]:
    """Return which active sources provide which entity, from the names of their staging models.

    Raises
    ------
    UserError
        A staging model is of no known entity, a source provides nothing, or none provides orders, which a build needs.
    """
    known = contract_entities()
    provided: dict[str, list[str]] = {}
    for source in sorted(settings.sources):
        entities = _entities(source, known)
        for entity in entities:
            provided.setdefault(entity, []).append(source)
    if needs_orders and "orders" not in provided:
        raise UserError(
            f"No active source provides orders ({', '.join(sorted(settings.sources))}). Name one that does in "
            "CRM_SOURCES, or write stg_<source>__orders.sql for one of them (docs/adding_a_source.md)."
        )
    return {entity: provided[entity] for entity in sorted(provided)}


def _entities(source: str, known: list[str]) -> list[str]:
    folder = project.STAGING / source
    check_models(source)
    entities = []
    for path in sorted(folder.glob("*.sql")):
        prefix, _, entity = path.stem.partition("__")
        if prefix == f"base_{source}":  # a step that the staging models share
            continue
        if prefix != f"stg_{source}" or entity not in known:
            raise UserError(
                f"{project.shown(path)} is of no known entity. Name it stg_{source}__<entity>.sql, with one of: "
                f"{', '.join(known)}."
            )
        entities.append(entity)
    if not entities:
        raise UserError(
            f"Source '{source}' provides nothing: {project.shown(folder)} has no staging model. "
            f"Write stg_{source}__<entity>.sql there, with one of: {', '.join(known)} (docs/adding_a_source.md)."
        )
    return entities
