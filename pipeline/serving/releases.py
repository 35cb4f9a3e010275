"""What a release is: its folder, its tables, how they are stored, and what their data hash to."""

import importlib.metadata
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from pydantic import Field

from pipeline.base.catalog import PUBLISHED, published
from pipeline.base.catalog import Table as DescribedTable
from pipeline.base.duck import connect, quote_identifier, quote_literal
from pipeline.base.errors import UserError
from pipeline.base.files import TEMPORARY_PREFIX, DamagedError, fsync_path, read_sealed
from pipeline.base.settings import Settings
from pipeline.base.shapes import Count, Day, FileState, Shape, Text

log = logging.getLogger("perennial")
DATABASE = "perennial.duckdb"
CONTACTS = "contacts.duckdb"
MANIFEST = "release.json"
CHECKS = "checks.json"
RELEASE_REPORT = "report.html"
MODEL_CARDS = "models"
OF_A_RELEASE = "Restore the release from a backup; the next run repairs the one that readers see."
# The DuckDB inside a BI tool may be older than this project's, and cannot read a newer storage version.
STORAGE_VERSION = "v1.0.0"


class TableContent(Shape):
    """A table in a `release.json`."""

    rows: Count
    columns: dict[str, str]
    content_hash: Text


class ManifestShape(Shape):
    """A `release.json`."""

    release_id: Text
    as_of_date: Day
    input_hash: str
    sources: list[str]
    tables: dict[str, TableContent]
    files: dict[str, FileState] = Field(default_factory=dict)
    erased: dict[str, str] = Field(default_factory=dict)


def software_version() -> str:
    """Return the version of Perennial that is installed: `version` in pyproject.toml, which `make setup` installs."""
    return importlib.metadata.version("perennial")


@dataclass(frozen=True)
class Table:
    """A table or view of a database, with its comments."""

    schema: str
    name: str
    columns: dict[str, str]
    comment: str | None
    column_comments: dict[str, str]

    @property
    def full_name(self) -> str:
        """`schema.name`, as in SQL and in release.json."""
        return f"{self.schema}.{self.name}"

    @property
    def sql_name(self) -> str:
        """The quoted `"schema"."name"`."""
        return f"{quote_identifier(self.schema)}.{quote_identifier(self.name)}"

    @property
    def described(self) -> DescribedTable | None:
        """What the yml of its model says; None where a release has a table that is no model any more."""
        return published().get(self.full_name)

    @property
    def grain(self) -> tuple[str, ...]:
        """The columns of its grain, all of them or none."""
        grain = self.described.grain if self.described else ()
        return grain if set(grain) <= set(self.columns) else ()

    @property
    def order_by(self) -> str:
        """The grain's columns first, then all others: one order for equal data, ties or not.

        Facts are sorted by quarter, then by the `cluster_by` of their yml. A filter on their date skips other quarters,
        and one order or customer is still found in a few blocks of each.
        """
        columns = [quote_identifier(name) for name in dict.fromkeys([*self.grain, *self.columns])]
        contract = self.described.contract if self.described else None
        date = contract.date if contract and contract.date in self.columns else None
        quarter = [f"date_trunc('quarter', {quote_identifier(date)})"] if date else []
        cluster = [contract.cluster_by] if contract and contract.cluster_by else []
        return ", ".join([*quarter, *cluster, *columns])

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The primary key in the release's database; facts have none, because it costs more than the table itself."""
        return self.grain if self.schema == "marts" or self.name.startswith("dim_") else ()


def read_tables(connection: duckdb.DuckDBPyConnection, catalog: str, schemas: Sequence[str] = PUBLISHED) -> list[Table]:
    """List the tables and views of some schemas of an attached database, sorted by name."""
    comments: dict[tuple[str, str], str | None] = {
        (schema, name): comment
        for schema, name, comment in connection.execute(
            "select schema_name, table_name, comment from duckdb_tables() where database_name = $1"
            " union all select schema_name, view_name, comment from duckdb_views() where database_name = $1",
            [catalog],
        ).fetchall()
    }
    columns: dict[tuple[str, str], list[tuple[str, str, str | None]]] = {}
    for schema, table, column, kind, comment in connection.execute(
        "select schema_name, table_name, column_name, data_type, comment from duckdb_columns()"
        " where database_name = $1 and list_contains($2, schema_name) order by schema_name, table_name, column_index",
        [catalog, list(schemas)],
    ).fetchall():
        columns.setdefault((schema, table), []).append((column, kind, comment))
    return [
        Table(
            schema=schema,
            name=table,
            columns={name: kind for name, kind, _ in described},
            comment=comments[schema, table],
            column_comments={name: comment for name, _, comment in described if comment},
        )
        for (schema, table), described in columns.items()
    ]


def published_tables(tables: list[Table]) -> list[Table]:
    """Return the tables of `perennial.duckdb`: all except those of contacts."""
    return [table for table in tables if table.full_name not in contact_tables()]


def contact_tables() -> list[str]:
    """Return the tables of `contacts.duckdb`: the ids of source systems, names and addresses."""
    return [name for name, table in published().items() if table.contract.is_personal]


def table_content(connection: duckdb.DuckDBPyConnection, table: Table) -> dict[str, Any]:
    """Return rows, columns and a hash of the content that does not depend on the order of the rows."""
    values = ", ".join(f"coalesce({quote_identifier(name)}::varchar, chr(0))" for name in table.columns)
    rows, digest = connection.execute(
        f"select count(*), coalesce(sum(md5_number_lower(concat_ws(chr(31), {values}))::hugeint), 0)"
        f" from {table.sql_name}"
    ).fetchall()[0]
    return {"rows": rows, "columns": table.columns, "content_hash": f"{digest:032x}"}


def copy_table(connection: duckdb.DuckDBPyConnection, catalog: str, table: Table, schema: str) -> None:
    """Copy a table of an attached database with its key and comments, sorted by `order_by`.

    It is one transaction: DuckDB waits for the disk at the end of each, and every comment is a statement.
    """
    target = f"{quote_identifier(schema)}.{quote_identifier(table.name)}"
    parts = [f"{quote_identifier(name)} {kind}" for name, kind in table.columns.items()]
    if table.primary_key:
        parts.append(f"primary key ({', '.join(quote_identifier(name) for name in table.primary_key)})")
    connection.begin()
    connection.execute(f"create schema if not exists {quote_identifier(schema)}")
    connection.execute(f"create table {target} ({', '.join(parts)})")
    connection.execute(
        f"insert into {target} select * from {quote_identifier(catalog)}.{table.sql_name} order by {table.order_by}"
    )
    if table.comment:
        connection.execute(f"comment on table {target} is {quote_literal(table.comment)}")
    for name, comment in table.column_comments.items():
        connection.execute(f"comment on column {target}.{quote_identifier(name)} is {quote_literal(comment)}")
    connection.commit()


@contextmanager
def new_database(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Make a database file that readers of DuckDB 1.0 and later open; `path` is the session's own database."""
    with closing(connect(spill=path.with_name(f"{path.name}.tmp"))) as connection:
        connection.execute(f"attach {quote_literal(str(path))} as written (storage_version '{STORAGE_VERSION}')")
        connection.execute("use written")
        yield connection


def write_parquet(connection: duckdb.DuckDBPyConnection, tables: list[Table], folder: Path) -> None:
    """Write each table as `<schema>/<name>.parquet`."""
    for table in tables:
        target = folder / table.schema / f"{table.name}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        connection.execute(f"copy {table.sql_name} to {quote_literal(str(target))} (format parquet, compression zstd)")


def attach_read_only(connection: duckdb.DuckDBPyConnection, path: Path, alias: str) -> None:
    """Attach a database file for reading.

    Raises
    ------
    UserError
        The file is missing, or another process is writing to it.
    """
    if not path.is_file():
        raise UserError(f"{path} is not there: build first (`make run`).")
    try:
        connection.execute(f"attach {quote_literal(str(path))} as {quote_identifier(alias)} (read_only)")
    except duckdb.IOException as error:
        raise UserError(f"{path} cannot be read now, probably because a build is writing to it: {error}") from error


def releases_folder(settings: Settings) -> Path:
    """`serving/releases`."""
    return settings.serving / "releases"


def current_release(settings: Settings) -> Path:
    """Return the folder of the published release. The link is resolved once, so all its files are of one release.

    Raises
    ------
    UserError
        Nothing has been published yet.
    """
    folder = published_folder(settings)
    if folder is None:
        raise UserError(
            f"Nothing is published yet: {settings.serving / 'current'} is not there. Build first (`make run`)."
        )
    return folder


def published_folder(settings: Settings) -> Path | None:
    """Return the folder of the published release, whole or not; None where nothing is published."""
    link = settings.serving / "current"
    return link.resolve() if link.is_dir() else None


def point_current_at(settings: Settings, release_id: str) -> None:
    """Replace the link `current` in one step."""
    current = settings.serving / "current"
    if current.is_dir() and not current.is_symlink():
        raise UserError(f"{current} is a folder, and should be a link. Move it away, then run again.")
    link = settings.serving / f"{TEMPORARY_PREFIX}{os.getpid()}-current"
    link.symlink_to(Path("releases") / release_id)
    link.replace(current)
    fsync_path(settings.serving)


def kept_releases(settings: Settings) -> list[Path]:
    """Return the folders of all releases, by name. A folder without a manifest of its own name is not a release."""
    found = (path.parent for path in releases_folder(settings).glob(f"[!.]*/{MANIFEST}"))
    return sorted(folder for folder in found if _is_release(folder))


def _is_release(folder: Path) -> bool:
    try:
        return bool(read_manifest(folder)["release_id"] == folder.name)
    except DamagedError as error:
        log.warning("%s", error)
        return False


def has_facts(manifest: dict[str, Any]) -> bool:
    """Return whether a release is kept in full: a monthly one has marts only."""
    return any(name.startswith("core.") for name in manifest["tables"])


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the `release.json` of a release folder.

    Raises
    ------
    DamagedError
        The manifest differs from what was written.
    """
    return read_sealed(folder / MANIFEST, OF_A_RELEASE, ManifestShape)


def open_release(folder: Path) -> duckdb.DuckDBPyConnection:
    """Open a published `perennial.duckdb` for reading."""
    return connect(folder / DATABASE, read_only=True)
