"""The project's own conform, compiled once by dbt and then run on any landing: in a tenth of a second, not in ten."""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import yaml

from pipeline.base.settings import Settings
from pipeline.build.plan import receipts_in_use
from pipeline.sources.definitions import Source, load_source
from tests.support.builds.project import make_project, run_in
from tests.support.builds.quick import TABLES_ONLY

BUILD = """
from datetime import datetime, UTC
from pipeline.build import dbt
from pipeline.landing import land_source
from pipeline.build.plan import make_plan
from pipeline.base.settings import load_settings

settings = load_settings()
land_source(settings, {source!r}, datetime(2024, 1, 2, tzinfo=UTC))
make_plan(settings)
dbt.selectors = lambda settings, layer: {models!r}
dbt.run_layers(settings, "intermediate")
"""
# A line that a newer document does not have is not among the current ones (int_order_lines).
GONE = """
create or replace table warehouse.intermediate.int_order_lines__gone as {model};
update warehouse.intermediate.int_order_lines__rows as landed set _is_current = false
from warehouse.intermediate.int_order_lines__gone as gone
where
    landed.source_system = gone.source_system and landed.order_id = gone.order_id
    and landed.line_number = gone.line_number and landed._table = gone._table
"""
FILES = re.compile(r"read_parquet\(\[.*?\]")


Row = dict[str, Any]


@dataclass(frozen=True)
class Conformed:
    """Compiled models of a source, by entity: the tables that it is staged from, its staging model, its versions.

    `gone` is the model of the lines that a newer document does not have, where the source has order lines.
    """

    source: str
    tables: dict[str, list[str]]
    staging: dict[str, str]
    versions: dict[str, str]
    gone: str
    warehouse: Path

    @cached_property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """Where the models run, with what they read of others."""
        connection = duckdb.connect()
        connection.execute("set timezone = 'UTC'; set threads = 1; attach ':memory:' as warehouse")
        connection.execute(f"attach '{self.warehouse}' as built (read_only)")
        connection.execute("create schema warehouse.staging; create schema warehouse.intermediate")
        connection.execute("create schema warehouse.seeds")
        of_seeds = "select table_name from duckdb_tables() where database_name = 'built' and schema_name = 'seeds'"
        seeds = [f"seeds.{name}" for (name,) in connection.execute(of_seeds).fetchall()]
        for table in ["intermediate.int_exchange_rates", *seeds]:
            connection.execute(f"create table warehouse.{table} as from built.{table}")
        connection.execute("detach built")
        return connection

    @cached_property
    def definition(self) -> Source:
        """The source, as its yml has it."""
        return load_source(self.source)

    def versions_of(self, settings: Settings, entity: str, *, backwards: bool = False, **columns: str) -> list[Row]:
        """Judge all landed rows of an entity; `columns` map columns of the contract to others than when compiled.

        An entity with a parent is judged by what was found last of it, as `orders` before `order_lines`.
        """
        receipts = receipts_in_use(settings, self.definition)
        listed = settings.home / "receipts.jsonl"
        listed.write_text("".join(json.dumps(receipt) + "\n" for receipt in receipts), encoding="utf-8")
        for name in self.staging:
            self._stage(settings, name, receipts, backwards=backwards, columns=columns if name == entity else {})
        versions = re.sub(r"'[^']*/receipts\.jsonl'", f"'{listed}'", self.versions[entity])
        table = f"warehouse.intermediate.int_{entity}__rows"
        self.connection.execute(f"create or replace table {table} as {versions}")
        if entity == "order_lines":
            self.connection.execute(GONE.format(model=self.gone))
        judged = self.connection.execute(f"from {table}")
        names = [column[0] for column in judged.description]
        return [dict(zip(names, row, strict=True)) for row in judged.fetchall()]

    def _stage(
        self, settings: Settings, entity: str, receipts: list[Row], *, backwards: bool, columns: dict[str, str]
    ) -> None:
        names = {table: [r["file"] for r in receipts if r["table"] == table] for table in self.tables[entity]}
        if not all(names.values()):
            return  # nothing has landed of it yet

        def landed(match: re.Match[str]) -> str:
            table = next(table for table in names if f"/landing/{self.source}/{table}/" in match[0])
            paths = [f"'{settings.home / name}'" for name in names[table]]
            return f"read_parquet([{', '.join(reversed(paths) if backwards else paths)}]"

        staged = FILES.sub(landed, self.staging[entity])
        staged = re.sub(r"filename, \d+\)", f"filename, {len(str(settings.home)) + 2})", staged)
        for column, mapped in columns.items():
            staged = staged.replace(f"null as {column}", f"{mapped} as {column}")
        self.connection.execute(f"create or replace view warehouse.staging.stg_{self.source}__{entity} as {staged}")


def compile_source(
    folder: Path, source: str, definition: dict[str, Any], staging: dict[str, str], **env: str
) -> Conformed:
    """Compile the models of a source that has one staging model for each of its entities: {entity: SQL}."""
    project = make_project(folder, source, yaml.safe_dump(definition), staging)
    models = [f"+int_{entity}{end}" for entity in staging for end in ("__rows", "__gone")]
    program, of_source = BUILD.format(source=source, models=models), {"CRM_SOURCES": source, **TABLES_ONLY, **env}
    run_in(project, program, CRM_HOME=folder / "home", **of_source)
    compiled = folder / "home" / "dbt" / "target" / "compiled" / "perennial" / "models"
    read = lambda path: path.read_text(encoding="utf-8")  # noqa: E731
    tables = {entity: re.findall(r"landed\('(\w+)'\)", sql) for entity, sql in staging.items()}
    return Conformed(
        source,
        tables,
        {entity: read(compiled / "staging" / source / f"stg_{source}__{entity}.sql") for entity in staging},
        {entity: read(compiled / "intermediate" / f"int_{entity}__rows.sql") for entity in staging},
        read(compiled / "intermediate" / "int_order_lines__gone.sql") if "order_lines" in staging else "",
        folder / "home" / "warehouse.duckdb",
    )
