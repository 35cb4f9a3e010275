"""Source definitions: dags/sources/<name>.yml read and checked, and what each source provides."""

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pipeline import settings as project
from pipeline.errors import UserError
from pipeline.settings import Settings
from pipeline.source_model import NAME, Source, Table

__all__ = [
    "Source",
    "Table",
    "active_sources",
    "company",
    "load_source",
    "location_of",
    "location_text",
    "next_step",
    "providers",
]

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class _UniqueKeys(yaml.SafeLoader):
    """YAML in which a key that is written twice is an error, not a silent overwrite."""


def _unique_mapping(loader: _UniqueKeys, node: yaml.MappingNode) -> dict[Any, Any]:
    seen = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if key in seen:
            line = key_node.start_mark.line + 1
            raise yaml.constructor.ConstructorError(None, None, f"'{key}' is there twice, again in line {line}")
        seen.add(key)
    return loader.construct_mapping(node)


_UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)


def source_file(name: str) -> Path:
    """Return the path of a source's definition."""
    return project.SOURCE_FILES / f"{name}.yml"


def _relative(path: Path) -> str:
    return path.relative_to(project.ROOT).as_posix() if path.is_relative_to(project.ROOT) else str(path)


def load_source(name: str) -> Source:
    """Read and check dags/sources/<name>.yml.

    Raises
    ------
    UserError
        There is no such file, or it is not a valid definition; the message names file, key and value.
    """
    path = source_file(name)
    if not NAME.fullmatch(name) or not path.is_file():
        raise UserError(
            f"Unknown source '{name}'. Known: {', '.join(project.known_sources())}. "
            f"To add it, write dags/sources/{name}.yml; names have lower-case letters, digits and _ "
            "(docs/adding_a_source.md)."
        )
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeys)  # noqa: S506 - a kind of SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{_relative(path)} is not valid YAML: {error}. Correct it there.") from error
    if not isinstance(content, dict):
        raise UserError(f"{_relative(path)} is no mapping of keys. Begin with a copy of dags/sources/cdnow.yml.")
    try:
        return Source.model_validate({**content, "name": name})
    except ValidationError as error:
        problems = "\n".join(f"  - {_problem(item)}" for item in error.errors())
        raise UserError(f"{_relative(path)} is not a valid source definition:\n{problems}") from error


def _problem(item: Any) -> str:
    where = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        model = Table if item["loc"][0] == "tables" else Source
        valid = sorted(set(model.model_fields) - {"name"})
        close = difflib.get_close_matches(str(item["loc"][-1]), valid, n=1)
        return f"unknown key '{where}': " + (f"did you mean '{close[0]}'?" if close else f"use {', '.join(valid)}")
    if item["type"] == "missing":
        return f"'{where}' is missing"
    message = item["msg"].removeprefix("Value error, ")
    if isinstance(item["input"], dict | Source | Table):
        return f"'{where}': {message}" if where else message
    return f"'{where}' is {item['input']!r}: {message}"


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
    folders = {"CRM_DATA": str(settings.data), "CRM_HOME": str(settings.home)}

    def value(match: re.Match[str]) -> str:
        variable = match[1]
        text = folders.get(variable) or env.get(variable)
        if not text:
            raise UserError(
                f"{_relative(source_file(source.name))}: `location: {source.location}` needs the environment variable "
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
    files = (project.DBT_PROJECT / "models" / "intermediate").glob("int_*__versions.sql")
    return sorted(path.stem.removeprefix("int_").removesuffix("__versions") for path in files)


def providers(settings: Settings) -> dict[str, list[str]]:
    """Return which active sources provide which entity, from the names of their staging models.

    Raises
    ------
    UserError
        A staging model is of no known entity, a source provides nothing, or none provides orders.
    """
    known = contract_entities()
    provided: dict[str, list[str]] = {}
    for source in sorted(settings.sources):
        entities = _entities(source, known)
        for entity in entities:
            provided.setdefault(entity, []).append(source)
    if "orders" not in provided:
        raise UserError(
            f"No active source provides orders ({', '.join(sorted(settings.sources))}). Name one that does in "
            "CRM_SOURCES, or write stg_<source>__orders.sql for one of them (docs/adding_a_source.md)."
        )
    return {entity: provided[entity] for entity in sorted(provided)}


def _entities(source: str, known: list[str]) -> list[str]:
    folder = project.STAGING / source
    entities = []
    for path in sorted(folder.glob("*.sql")):
        prefix, _, entity = path.stem.partition("__")
        if prefix == f"base_{source}":  # a step that the staging models share
            continue
        if prefix != f"stg_{source}" or entity not in known:
            raise UserError(
                f"{_relative(path)} is of no known entity. Name it stg_{source}__<entity>.sql, with one of: "
                f"{', '.join(known)}."
            )
        entities.append(entity)
    if not entities:
        raise UserError(
            f"Source '{source}' provides nothing: {_relative(folder)} has no staging model. "
            f"Write stg_{source}__<entity>.sql there, with one of: {', '.join(known)} (docs/adding_a_source.md)."
        )
    return entities
