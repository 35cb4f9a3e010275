"""A Thrift server that cannot build a home is refused in one sentence, before a model is built."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline.base.catalog import catalog, seeds
from pipeline.base.settings import Settings
from pipeline.build.contracts import contract_rules
from pipeline.build.dbt_process.failures import STOPPED, failures
from pipeline.build.spark import server
from pipeline.build.spark.session import MEANING
from tests.support.builds.loads import said

SERVER = "thrift://127.0.0.1:10000"


class Faked:
    """A server that answers as Spark does to what is asked at the beginning, and is wrong in one way."""

    def __init__(self, version: str = "4.3.0 abc", sees: str = "", **settings: str) -> None:
        self.asked: list[str] = []
        self._version, self._sees = version, sees
        self._settings = {**MEANING, **{name.replace("__", "."): value for name, value in settings.items()}}

    def __call__(self, sql: str) -> list[Any]:
        self.asked.append(sql)
        if sql == "select version()":
            return [(self._version,)]
        if sql.startswith("set"):
            name = sql.removeprefix("set").strip()
            return [(name, self._settings.get(name, "false"))] if name else list(self._settings.items())
        if sql.startswith("show schemas"):
            return [(sql.split("'")[1].replace("*", "core"),)]
        if places := re.findall(r"answered using parquet location '([^']+)'", sql):
            self._answer(Path(places[0]))
        return []

    def _answer(self, place: Path) -> None:
        """Write what was asked, into another folder if this server sees another."""
        written = Path(self._sees or place)
        written.mkdir(parents=True)
        asked = place.with_name("asked")
        duckdb.sql(f"copy (from '{asked}/*.parquet') to '{written}/part-0.parquet'")
        (written / "_SUCCESS").touch()


@pytest.fixture
def begin(make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> Callable[[Faked], None]:
    """Begin a process of dbt with a server."""
    settings = make_settings(CRM_ENGINE="spark", CRM_SPARK_MASTER=SERVER)
    environment = {
        "CRM_HOME": str(settings.home),
        "CRM_SPARK_MASTER": SERVER,
        "CRM_SCHEMA_PREFIX": server.schema_prefix(settings),
    }

    def run(faked: Faked) -> None:
        @contextmanager
        def connected(master: str) -> Iterator[Faked]:
            yield faked

        monkeypatch.setattr(server, "_connected", connected)
        server.begin(environment)

    return run


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"version": "3.5.1 abc"}, "has Spark 3.5.1, and 4 or later is needed"),
        ({"spark__sql__session__timeZone": "Europe/Berlin"}, "does not take these settings from a connection: "),
        ({"spark__sql__hive__thriftServer__singleSession": "true"}, "singleSession=true. Start it with false"),
    ],
)
def test_a_server_on_which_sql_means_something_else(
    begin: Callable[[Faked], None], wrong: Mapping[str, str], words: str
) -> None:
    message = said(begin, faked := Faked(**wrong))
    assert words in message
    assert len(message.splitlines()) == 1
    assert not [sql for sql in faked.asked if sql.startswith(("drop", "create"))]


def test_a_server_that_sees_another_folder(
    begin: Callable[[Faked], None], tmp_path: Path, make_settings: Callable[..., Settings]
) -> None:
    message = said(begin, Faked(sees=str(tmp_path / "elsewhere")))
    assert f"does not read and write the folder {make_settings().home} as this machine does" in message
    assert len(message.splitlines()) == 1


def test_what_another_build_has_registered_is_forgotten_and_no_schema_of_others(
    begin: Callable[[Faked], None], make_settings: Callable[..., Settings]
) -> None:
    settings = make_settings(CRM_SPARK_MASTER=SERVER)
    built, half = (settings.spark_tables / "core" / name for name in ("dim_day", "dim_half"))
    for folder in (built, half):
        folder.mkdir(parents=True)
        duckdb.sql(f"copy (select 1 as day) to '{folder}/part-0.parquet'")
    (built / "_SUCCESS").touch()
    begin(faked := Faked())
    prefix = server.schema_prefix(settings)
    assert f"drop schema `{prefix}core` cascade" in faked.asked
    registered = f"create table if not exists `{prefix}core`.`dim_day` (`day` int) using parquet location '{built}'"
    assert faked.asked[-1] == registered
    assert not [sql for sql in faked.asked if "dim_half" in sql]
    assert all(prefix in sql for sql in faked.asked if "schema" in sql)


def test_homes_have_schemas_of_their_own(make_settings: Callable[..., Settings], tmp_path: Path) -> None:
    ours, theirs = (
        make_settings(CRM_SPARK_MASTER=SERVER, CRM_HOME=str(tmp_path / name)) for name in ("ours", "theirs")
    )
    assert server.schema_prefix(ours) != server.schema_prefix(theirs)
    assert server.schema_prefix(ours) == server.schema_prefix(ours)
    assert server.schema_prefix(make_settings(CRM_SPARK_MASTER="local[2]")) == ""


def test_every_table_that_a_rule_of_a_contract_reads_is_of_these_schemas() -> None:
    plain, prefixed = (
        [sql for rules in contract_rules(date(2026, 1, 31), prefix).values() for sql, _ in rules]
        for prefix in ("", "perennial_a_")
    )
    schemas = "|".join({table.schema for table in (*catalog().values(), *seeds().values())})
    assert any("perennial_a_core.dim_campaign" in sql for sql in prefixed)  # in an expression of a yml
    assert not [sql for sql in prefixed if re.search(rf"\b(from|join) ({schemas})\.", sql)]
    assert [sql.replace("perennial_a_", "") for sql in prefixed] == plain


def test_the_sentence_is_all_that_is_said(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(f"17:00  Running with dbt\n{STOPPED}The Thrift server is too old.\n", encoding="utf-8")
    assert failures(tmp_path / "none.json", log) == "  The Thrift server is too old."
