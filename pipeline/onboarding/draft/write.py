"""The files of a source: its yml, its models, and their description."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.base import settings as project
from pipeline.base.errors import UserError
from pipeline.base.files import write_text
from pipeline.onboarding.draft.draft import Draft, Guess
from pipeline.onboarding.draft.models import grain, write_models
from pipeline.onboarding.inspection.found import Place

SIMPLE = re.compile(r"[A-Za-z_/$][A-Za-z0-9_./{}$*-]*")
NOT_TEXT = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "none"}
WIDTH = 110


def scalar(value: Any) -> str:
    """A value in YAML: in quotes where YAML could take it for something else."""
    if isinstance(value, str) and SIMPLE.fullmatch(value) and value.lower() not in NOT_TEXT and value[0] not in "*{":
        return value
    return json.dumps(value, ensure_ascii=False)


def make_files(name: str, place: Place, guess: Guess) -> dict[Path, str]:
    """Return the files of a source: path, and text."""
    models = write_models(name, guess)
    staging = project.STAGING / name
    return {
        project.SOURCE_FILES / f"{name}.yml": _definition(name, place, guess),
        **{staging / file: text for file, text in models.items()},
        staging / f"stg_{name}.yml": _description([file.removesuffix(".sql") for file in models]),
    }


def check_new(name: str) -> None:
    """Raise when a source, or a part of one, is there already."""
    for path in (project.SOURCE_FILES / f"{name}.yml", project.STAGING / name):
        if path.exists():
            raise UserError(
                f"Source '{name}' is there already: {os.path.relpath(path, project.ROOT)}. Nothing was written. Choose "
                "another NAME, or remove that first."
            )


def save(files: Mapping[Path, str]) -> None:
    """Write the files; the yml, which makes the source known, last."""
    for path in sorted(files, key=lambda path: path.suffix != ".sql"):
        write_text(path, files[path])


def _definition(name: str, place: Place, guess: Guess) -> str:
    company = guess.company
    where = f"location: {scalar(place.location)}" if place.location else f"connection: {place.login}"
    known = [company.currency_from, company.time_zone_from]
    money, zone = (f"guessed: {origin}" if origin else "a placeholder, it was not known" for origin in known)
    tables = "".join(_table(draft) for draft in guess.drafts)
    return f"""\
description: >
  {name}: whose data, and under which terms? Drafted by make new-source.
kind: {place.kind}
{where}
schedule: none  # or cron text such as "0 3 * * *": then make up loads it by itself
currency: {company.currency}  # {_comment(money)}
time_zone: {company.time_zone}  # {_comment(zone)}
# extract: customers may be older than the data. complete: no customer bought before them.
history: extract
first_interval_start: {guess.first_day.isoformat()}
tables:
{tables}"""


def _comment(text: str) -> str:
    return " ".join(text.split())


def _table(draft: Draft) -> str:
    keys: dict[str, Any] = dict(draft.found.options)
    columns = keys.pop("columns", None)
    for name, usual in {"header": True, "skip_rows": 0, "delimiter": ","}.items():
        if keys.get(name) == usual:
            del keys[name]
    keys["lookup"] = True if draft.is_lookup else None
    keys["load"] = draft.load
    keys["key"] = draft.key or "position"
    keys["cursor"] = draft.cursor
    keys["deleted"] = draft.deleted
    keys["event_time"] = draft.event_time.name if draft.event_time else None
    formats = draft.event_time.formats if draft.event_time else []
    keys["event_time_format"] = formats[0] if formats else None
    keys["personal"] = draft.personal or None
    keys["may_be_empty"] = True if draft.found.estimate == 0 else None
    keys["columns"] = columns
    lines = [_key(key, value) for key, value in keys.items() if value is not None]
    text = f"  {draft.found.name}:\n" + "".join(lines)
    return text if draft.entity or draft.is_lookup else "".join(f"  # {line[2:]}\n" for line in text.splitlines())


def _key(name: str, value: Any) -> str:
    if value is True:
        return f"    {name}: true\n"
    if isinstance(value, dict):
        return f"    {name}:\n" + "".join(
            f"      {scalar(item)}: {json.dumps(place)}\n" for item, place in value.items()
        )
    if not isinstance(value, list):
        return f"    {name}: {scalar(value)}\n"
    line = f"    {name}: [{', '.join(_in_list(item) for item in value)}]\n"
    if len(line) <= WIDTH:
        return line
    return f"    {name}:\n" + "".join(f"      - {scalar(item)}\n" for item in value)


def _in_list(value: str) -> str:
    return scalar(value) if not set("{}[],") & set(value) else json.dumps(value, ensure_ascii=False)


def _description(models: Sequence[str]) -> str:
    return "models:\n" + "\n".join(_model(name) for name in models)


def _model(name: str) -> str:
    beginning, _, entity = name.partition("__")
    text = f"One row per {grain(entity)}. Columns: the entity {entity} of the input contract"
    text = f"{text}\n      (docs/adding_a_source.md)."
    if beginning.startswith("base_"):
        text = "One row per landed row, its columns under the names of the input contract."
    return f"""\
  - name: {name}
    description: '{text}'
    config:
      meta:
        owner: data engineering
"""
