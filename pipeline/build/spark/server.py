"""A Thrift server of Spark, which dbt is a client of: no session and no Java in dbt's process.

The server lives on, and so does its catalog. Each process of dbt begins with the tables that are in the home's folder,
and with nothing else that an earlier one has registered. Several homes may share a server: the schemas of each have a
prefix of their own.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb

from pipeline.base.duck import connect, quote_literal
from pipeline.base.errors import UserError
from pipeline.base.files import remove, sha256_of
from pipeline.base.settings import Settings
from pipeline.build.spark.session import MEANING, SPILLED, WRITTEN, create_schema, register_built

SCHEME = "thrift://"
# The first version with the settings of MEANING.
OLDEST_SPARK = 4
# Connections would share what one of them sets, and its temporary views. A server is started with it.
SHARED = "spark.sql.hive.thriftServer.singleSession"

Run = Callable[[str], list[Any]]


def schema_prefix(settings: Settings) -> str:
    """Return what the names of this home's schemas begin with: nothing, where the catalog is of dbt's process."""
    if not settings.spark_master.startswith(SCHEME):
        return ""
    return f"perennial_{sha256_of(str(settings.home))[:8]}_"


class RefusedError(Exception):
    """The server refuses a statement, or a connection."""


def begin(environment: Mapping[str, str]) -> None:
    """Check the server, and register the home's tables, as the environment of dbt's process says.

    Raises
    ------
    UserError
        The server cannot build this home; the message says why.
    """
    home, prefix = Path(environment["CRM_HOME"]), environment["CRM_SCHEMA_PREFIX"]
    with _connected(environment["CRM_SPARK_MASTER"]) as run:
        _check_meaning(run)
        for (schema,) in run(f"show schemas like '{prefix}*'"):
            run(f"drop schema `{schema}` cascade")  # the folder of a schema is empty: its tables have their own
        remove(home / SPILLED)
        _check_folder(run, home, prefix)
        register_built(run, home, prefix)


@contextmanager
def _connected(master: str) -> Iterator[Run]:
    """Connect as dbt does, by its profile. dbt has read the project before."""
    from dbt.adapters.factory import get_adapter_by_type  # noqa: PLC0415 - an extra
    from dbt_common.exceptions import DbtRuntimeError  # noqa: PLC0415

    adapter = get_adapter_by_type("spark")

    def run(sql: str) -> list[Any]:
        try:
            return list(adapter.connections.add_query(sql, auto_begin=False)[1].fetchall())
        except DbtRuntimeError as error:
            raise RefusedError(error.msg.splitlines()[0]) from error

    with adapter.connection_named("begin"):
        try:
            run("select 1")
        except RefusedError as error:
            raise UserError(
                f"CRM_SPARK_MASTER is '{master}', and no Thrift server of Spark answers there as dbt asks it by "
                f"dbt_project/profiles.yml: {error}"
            ) from error
        yield run


def _check_meaning(run: Run) -> None:
    """Check that SQL means on the server what it means in a session of our own."""
    version = str(run("select version()")[0][0]).split()[0]
    if int(version.partition(".")[0]) < OLDEST_SPARK:
        raise UserError(f"The Thrift server has Spark {version}, and {OLDEST_SPARK} or later is needed.")
    if dict(run(f"set {SHARED}")).get(SHARED) == "true":
        raise UserError(f"The Thrift server was started with {SHARED}=true. Start it with false, which is the default.")
    found = dict(run("set"))
    if wrong := [f"{name}={value}" for name, value in MEANING.items() if found.get(name) != value]:
        raise UserError(f"The Thrift server does not take these settings from a connection: {', '.join(wrong)}.")


def _check_folder(run: Run, home: Path, prefix: str) -> None:
    """Check that the server reads what is written here, and that what it writes is read here."""
    schema, asked, answered = f"{prefix}seen", home / SPILLED / "asked", home / SPILLED / "answered"
    token, found = uuid4().hex, ""
    asked.mkdir(parents=True)
    with connect() as connection:
        connection.execute(f"copy (select '{token}' as token) to {quote_literal(str(asked / 'part-0.parquet'))}")
        try:
            run(create_schema(home, schema))
            run(f"create table `{schema}`.asked (token string) using parquet location {quote_literal(str(asked))}")
            run(
                f"create table `{schema}`.answered using parquet location {quote_literal(str(answered))} "
                f"as select token from `{schema}`.asked"
            )
            run(f"drop schema `{schema}` cascade")
            files = quote_literal(str(answered / "*.parquet"))
            rows = connection.execute(f"select token from read_parquet({files})").fetchall()
            found = "" if rows == [(token,)] and (answered / WRITTEN).exists() else "it wrote something else"
            remove(asked.parent)
        except (duckdb.Error, OSError, RefusedError) as error:
            found = str(error).splitlines()[0]
    if found:
        raise UserError(
            f"The Thrift server does not read and write the folder {home} as this machine does ({found}). Server and "
            "executors have to see it under this path, and run as the user who runs the build (docs/scale.md)."
        )
