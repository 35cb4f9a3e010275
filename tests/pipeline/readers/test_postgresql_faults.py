"""What happens to a load of PostgreSQL when something goes wrong: each fault alone, and each with each other one.

The other tables land, the message says what it is, what lands is whole, and once the fault is over the next load brings
the rest.
"""

import re
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import psycopg2
import pyarrow.parquet as pq
import pytest

from pipeline.base.errors import UserError
from pipeline.landing import land_source
from pipeline.landing.readers.databases import faults, postgresql_pool
from pipeline.landing.readers.databases.faults import UnavailableError
from pipeline.landing.readers.databases.postgresql import PAGES
from pipeline.landing.readers.databases.postgresql_session import Answer, ServerError, Session
from pipeline.landing.receipts import read_receipts
from tests.support.builds.loads import day
from tests.support.programs.postgres import ROLE, Server, server

TABLES = [f"t{number}" for number in range(4)]
ROWS = 400
SLOTS = 16
ENDED = "ended the session|connection to .* broke"  # the server's last words may get lost


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """A server that may be killed and filled up."""
    with (
        tempfile.TemporaryDirectory(prefix="perennial-") as folder,
        server(Path(folder) / "data", f"max_connections={SLOTS}") as running,
    ):
        yield running


class Shop:
    """A database of some tables, where things go wrong while it is read."""

    def __init__(self, postgres: Server, shop_of: Callable[..., Any], patch: pytest.MonkeyPatch) -> None:
        self.postgres = postgres
        self.shop_of = shop_of
        self.patch = patch
        for name in TABLES:
            self.run(
                f"create table {name} (id int primary key, note text)",
                f"insert into {name} select n, repeat('x', 100) from generate_series(1, {ROWS}) as n",
            )

    def run(self, *statements: str) -> None:
        self.postgres.run(*statements, database="shop")

    def settings(self, connections: int) -> Any:
        tables = {name: {"query_table": name, "load": "snapshot", "key": ["id"]} for name in TABLES}
        return self.shop_of(connections=connections, **tables)

    def before_reading(self, table: str, action: Callable[[], None]) -> None:
        """Do something once, when the columns of a table are known and its rows are not asked for."""
        waiting, run = [action], Session.run

        def interrupted(session: Session, sql: str) -> None:
            if f'"{table}" limit 0' in sql and waiting:
                waiting.pop()()
            run(session, sql)

        self.patch.setattr(Session, "run", interrupted)

    def while_reading(self, table: str, action: Callable[[], None], times: int = 1) -> None:
        """Do something when some rows of a table have arrived, and more are under way."""
        self.run(f"insert into {table} select n, repeat('x', 1000) from generate_series({ROWS + 1}, 40000) as n")
        waiting, answer, batches = [action] * times, Session.answer, Answer.batches

        def asked(session: Session, sql: str, _: int) -> Answer:
            given = answer(session, sql, 1 << 18)
            given.is_of_table = f'"{table}"' in sql  # type: ignore[attr-defined]
            return given

        def interrupted(given: Any) -> Iterator[Any]:
            for number, batch in enumerate(batches(given)):
                if number == 1 and given.is_of_table and waiting:
                    waiting.pop()()
                yield batch

        self.patch.setattr(Session, "answer", asked)
        self.patch.setattr(Answer, "batches", interrupted)

    def end_session(self, table: str) -> None:
        """End the session that has last asked for a table."""
        of_table = f"usename = '{ROLE}' and query like '%\"{table}\"%'"
        self.run(f"select pg_terminate_backend(pid) from pg_stat_activity where {of_table}")
        time.sleep(0.1)

    def swap(self, table: str) -> None:
        """Put a table of the same rows in the place of a table, as a reload does."""
        statement = f"""do $$ begin
            insert into {table}_new select * from {table};
            drop table {table};
            alter table {table}_new rename to {table};
        end $$"""
        self.run(
            f"create table {table}_new (like {table} including all)", statement, f"grant select on {table} to {ROLE}"
        )

    def count(self, table: str) -> int:
        return int(str(self.postgres.ask(f"select count(*) from {table}", "shop")[0][0]))


@pytest.fixture
def shop(
    postgres: Server, database: str, shop_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    yield Shop(postgres, shop_of, monkeypatch)
    for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
        postgres.run(f"alter role {ROLE} reset {setting}")
    postgres.run(f"alter role {ROLE} connection limit -1")


def landed(settings: Any) -> dict[str, int]:
    """Rows of each landed table; what a load leaves behind is whole."""
    rows = {}
    for name in TABLES:
        receipts = read_receipts(settings, "shop", name)
        files = {path.name for path in (settings.landing / "shop" / name).glob("[!.]*")}
        named = {Path(receipt["file"]).name for receipt in receipts}
        assert files == named | {name.replace(".parquet", ".json") for name in named}
        assert not list((settings.landing / "shop" / name).glob(".tmp*"))
        for receipt in receipts:
            rows[name] = pq.read_metadata(settings.home / receipt["file"]).num_rows
            assert rows[name] == receipt["received"]
    return rows


@dataclass(frozen=True)
class Injected:
    """A fault of a table.

    `words` is what its message says; none where a reconnect helps within the load. `later` is whether the load may be
    tried again by itself. `over` ends the fault.
    """

    do: Callable[[Shop, str], None]
    words: str = ""
    later: bool = False
    over: Callable[[Shop, str], None] = lambda shop, table: None


def no_right(shop: Shop, table: str) -> None:
    shop.run(f"revoke select on {table} from {ROLE}")


def given_right(shop: Shop, table: str) -> None:
    shop.run(f"grant select on {table} to {ROLE}")


def slow(shop: Shop, table: str) -> None:
    shop.run(
        f"alter table {table} rename to {table}_whole",
        f"create view {table} as select id, note || pg_sleep(0.01)::text as note from {table}_whole",
    )


def quick(shop: Shop, table: str) -> None:
    shop.run(f"drop view {table}", f"alter table {table}_whole rename to {table}")


def slow_and_limited(shop: Shop, table: str) -> None:
    slow(shop, table)
    shop.run(f"alter role {ROLE} set statement_timeout = '3s'")


def unlimited(shop: Shop, table: str) -> None:
    quick(shop, table)
    shop.run(f"alter role {ROLE} reset statement_timeout")


def not_computable(shop: Shop, table: str) -> None:
    shop.run(
        f"alter table {table} rename to {table}_whole",
        f"create view {table} as select *, 100 / ({ROWS} - id) as ratio from {table}_whole",
    )


def dropped(shop: Shop, table: str) -> None:
    shop.before_reading(table, lambda: shop.run(f"alter table {table} rename to {table}_gone"))


def there_again(shop: Shop, table: str) -> None:
    shop.run(f"alter table {table}_gone rename to {table}")


def swapped(shop: Shop, table: str) -> None:
    shop.before_reading(table, lambda: shop.swap(table))


def emptied_and_filled(shop: Shop, table: str) -> None:
    statement = f"""do $$ begin
        create temporary table kept on commit drop as select * from {table};
        truncate {table}; insert into {table} select * from kept;
    end $$"""
    shop.before_reading(table, lambda: shop.run(statement))


def ended(shop: Shop, table: str) -> None:
    shop.while_reading(table, lambda: shop.end_session(table))


def idle_for_too_long(shop: Shop, table: str) -> None:
    shop.run(f"alter role {ROLE} set idle_in_transaction_session_timeout = '1500ms'")
    shop.before_reading(table, lambda: time.sleep(2.5))


def conflict_with_recovery(shop: Shop, table: str) -> None:
    def conflict() -> None:
        raise ServerError("canceling statement due to conflict with recovery", "40001")

    shop.before_reading(table, conflict)


def few_connections(shop: Shop, _: str) -> None:
    shop.run(f"alter role {ROLE} connection limit 2")


FAULTS = {
    "no right": Injected(no_right, "does not let the user 'loader' read the table", over=given_right),
    "statement timeout": Injected(slow_and_limited, "stopped the query at its limit of 3s", over=unlimited),
    "not computable": Injected(not_computable, "cannot be computed", over=quick),
    "dropped": Injected(dropped, "has no table", over=there_again),
    "swapped": Injected(swapped),
    "emptied and filled": Injected(emptied_and_filled),
    "session ended": Injected(ended),
    "idle for too long": Injected(idle_for_too_long),
    "conflict on a replica": Injected(conflict_with_recovery),
    "few connections": Injected(few_connections),
}


def check(shop: Shop, connections: int, *names: str) -> None:
    settings = shop.settings(connections)
    for name, table in zip(names, TABLES, strict=False):
        FAULTS[name].do(shop, table)
    faulty = {table: FAULTS[name] for name, table in zip(names, TABLES, strict=False) if FAULTS[name].words}
    try:
        land_source(settings, "shop", day(9))
        said = ""
    except UserError as error:
        said = str(error)
    for table, fault in faulty.items():
        (line,) = [line for line in said.splitlines() if line.startswith(f"shop.{table}: ")]
        assert fault.words in line
    assert landed(settings) == {table: shop.count(table) for table in TABLES if table not in faulty}
    for name, table in zip(names, TABLES, strict=False):
        FAULTS[name].over(shop, table)
    land_source(settings, "shop", day(9))
    assert landed(settings) == {table: shop.count(table) for table in TABLES}


@pytest.mark.parametrize("connections", [1, 4])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_one_table_is_that_tables(shop: Shop, name: str, connections: int) -> None:
    check(shop, connections, name)


def test_a_table_that_is_swapped_before_its_size_is_asked_is_read_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, ask = [True], Session.ask

    def asked(session: Session, sql: str, *values: str) -> list[tuple[Any, ...]]:
        if sql == PAGES and values[0] == "t0" and waiting:
            waiting.pop()
            shop.swap("t0")
        return ask(session, sql, *values)

    monkeypatch.setattr(Session, "ask", asked)
    land_source(shop.settings(3), "shop", day(9))
    assert not waiting
    assert landed(shop.settings(3)) == {table: shop.count(table) for table in TABLES}


@pytest.mark.slow
@pytest.mark.parametrize("names", list(combinations(FAULTS, 2)), ids=" and ".join)
def test_two_faults_at_once_are_those_of_their_tables(shop: Shop, names: tuple[str, str]) -> None:
    check(shop, 3, *names)


@pytest.mark.parametrize("connections", [1, 4])
def test_a_session_that_ends_while_rows_arrive_is_replaced(
    shop: Shop, connections: int, caplog: pytest.LogCaptureFixture
) -> None:
    settings = shop.settings(connections)
    shop.while_reading("t1", lambda: shop.end_session("t1"))
    land_source(settings, "shop", day(9))
    assert landed(settings) == {table: shop.count(table) for table in TABLES}
    assert re.search(rf"shop\.t1: .*({ENDED}).* It is read again\.", caplog.text)


def test_a_read_that_is_interrupted_again_and_again_may_be_tried_later(shop: Shop) -> None:
    settings = shop.settings(2)
    shop.while_reading("t1", lambda: shop.end_session("t1"), times=3)
    with pytest.raises(UnavailableError, match=rf"shop\.t1: .*({ENDED})"):
        land_source(settings, "shop", day(9))
    assert landed(settings) == {table: ROWS for table in TABLES if table != "t1"}
    land_source(settings, "shop", day(9))
    assert landed(settings)["t1"] == shop.count("t1")


def test_the_moment_outlives_the_session_that_it_comes_from(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    settings = shop.settings(3)
    first = f"select pid from pg_stat_activity where usename = '{ROLE}' order by backend_start limit 1"

    def end_first_and_insert() -> None:
        shop.run(f"select pg_terminate_backend(({first}))", *(f"insert into {name} values (0)" for name in TABLES))

    shop.before_reading("t0", end_first_and_insert)
    land_source(settings, "shop", day(9))
    assert landed(settings) == dict.fromkeys(TABLES, ROWS)  # without the rows that came later
    assert "later one" not in caplog.text


@pytest.mark.parametrize("connections", [1, 4])
def test_a_driver_that_ends_before_it_answers_is_replaced(shop: Shop, connections: int) -> None:
    settings = shop.settings(connections)
    sessions: list[Session] = []
    begin = Session.begin
    shop.patch.setattr(Session, "begin", lambda session: sessions.append(session) or begin(session))  # type: ignore
    drivers = []

    def kill() -> None:
        for session in sessions:
            drivers.append(session._driver)
            session._driver.kill()

    shop.before_reading("t1", kill)
    land_source(settings, "shop", day(9))
    assert landed(settings) == {table: shop.count(table) for table in TABLES}
    assert [driver.returncode for driver in drivers] == [-signal.SIGKILL] * connections  # none is left behind


@pytest.mark.parametrize("connections", [1, 4])
def test_a_server_that_is_killed_while_rows_arrive_and_starts_again_is_read_again(
    own_server: Server, shop_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, connections: int
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_DB", own_server.new_database("shop"))
    shop = Shop(own_server, shop_of, monkeypatch)
    settings = shop.settings(connections)
    starts = threading.Timer(1, own_server.start)

    def kill() -> None:
        own_server.kill()
        starts.start()

    shop.while_reading("t1", kill)
    land_source(settings, "shop", day(9))
    starts.join()
    assert landed(settings) == {table: shop.count(table) for table in TABLES}


def test_a_server_that_is_killed_and_stays_away_fails_the_load_once(
    own_server: Server, shop_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_DB", own_server.new_database("shop"))
    monkeypatch.setattr(postgresql_pool, "RECONNECT_SECONDS", 1)
    shop = Shop(own_server, shop_of, monkeypatch)
    settings = shop.settings(1)
    shop.while_reading("t1", own_server.kill)
    started = time.monotonic()
    with pytest.raises(UnavailableError, match=r"cannot be reached.*Connection refused"):
        land_source(settings, "shop", day(9))
    assert time.monotonic() - started < 6
    assert "t1" not in landed(settings)
    own_server.start()
    land_source(settings, "shop", day(9))
    assert landed(settings) == {table: shop.count(table) for table in TABLES}


def test_a_server_without_free_slots_is_tried_again_later(
    own_server: Server, shop_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = own_server.new_database("shop")
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_DB", address)
    shop = Shop(own_server, shop_of, monkeypatch)
    settings = shop.settings(4)
    with ExitStack() as others:
        with pytest.raises(psycopg2.Error):
            for _ in range(SLOTS + 1):
                others.enter_context(closing(psycopg2.connect(address)))
        with pytest.raises(UnavailableError, match="has no connection free for the user 'loader'"):
            land_source(settings, "shop", day(9))
    assert landed(settings) == {}
    time.sleep(0.3)
    land_source(settings, "shop", day(9))
    assert landed(settings) == dict.fromkeys(TABLES, ROWS)


def test_a_role_that_may_not_connect_is_not_a_wrong_password(shop: Shop) -> None:
    shop.run(f"alter role {ROLE} connection limit 0")
    with pytest.raises(UnavailableError, match=r"has no connection free .*too many connections for role"):
        land_source(shop.settings(4), "shop", day(9))


def test_fewer_connections_than_asked_for_are_named_and_enough(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.run(f"alter role {ROLE} connection limit 2")
    settings = shop.settings(4)
    land_source(settings, "shop", day(9))
    assert landed(settings) == dict.fromkeys(TABLES, ROWS)
    assert "2 connections instead of the 4 of `max_connections`" in caplog.text


@pytest.mark.parametrize(
    ("address", "kind", "words"),
    [
        ("postgresql://loader:s3cr3t@no-such-host.invalid:5432/shop", UnavailableError, "its host name is not known"),
        ("postgresql://loader:s3cr3t@127.0.0.1:1/shop", UnavailableError, "cannot be reached"),
        ("postgresql://loader:s3cr3t@127.0.0.1:{port}/shop", UserError, "refused the login of user 'loader'"),
        ("postgresql://nobody:s3cr3t@127.0.0.1:{port}/shop", UserError, "refused the login of user 'nobody'"),
        ("postgresql://loader:p%40ss%3Aword%2F1@127.0.0.1:{port}/shops", UserError, "has no such database"),
    ],
)
def test_a_connection_that_cannot_be_made_is_named(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, address: str, kind: type[UserError], words: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_DB", address.format(port=shop.postgres.port))
    with pytest.raises(UserError, match=words) as error:
        land_source(shop.settings(4), "shop", day(9))
    assert type(error.value) is kind
    assert "s3cr3t" not in str(error.value)


def test_a_query_that_a_person_cancels_may_be_tried_later(shop: Shop) -> None:
    cancel = f"select pg_cancel_backend(pid) from pg_stat_activity where usename = '{ROLE}' and state = 'active'"
    slow(shop, "t0")
    timer = threading.Timer(0, lambda: None)

    def begin() -> None:
        nonlocal timer
        timer = threading.Timer(0.2, lambda: shop.run(cancel))
        timer.start()

    shop.before_reading("t0", begin)
    settings = shop.settings(1)
    with pytest.raises(UnavailableError, match=r"shop\.t0: the query was cancelled"):
        land_source(settings, "shop", day(9))
    timer.join()
    assert landed(settings) == {table: ROWS for table in TABLES if table != "t0"}


@pytest.mark.parametrize(
    ("codes", "code", "fault"),
    [
        (faults.POSTGRESQL, "42501", faults.NO_RIGHT),
        (faults.POSTGRESQL, "57P01", faults.ENDED),
        (faults.POSTGRESQL, "57P03", faults.STARTING),
        (faults.POSTGRESQL, "08006", faults.LOST),
        (faults.POSTGRESQL, "53300", faults.NO_SLOT),
        (faults.POSTGRESQL, "53100", faults.EXHAUSTED),
        (faults.POSTGRESQL, "40001", faults.CONFLICT),
        (faults.POSTGRESQL, "XX001", faults.DAMAGED),
        (faults.POSTGRESQL, "42601", faults.UNANSWERED),
        (faults.MYSQL, "1045", faults.WRONG_LOGIN),
        (faults.MYSQL, "10450", faults.UNANSWERED),
        (faults.ORACLE, "00942", faults.GONE),
    ],
)
def test_a_code_means_what_is_listed_for_it_or_its_class(
    codes: dict[str, faults.Fault], code: str, fault: faults.Fault
) -> None:
    assert faults.fault_of(codes, code) is fault


@pytest.mark.parametrize("name", ["no right", "not computable", "session ended", "emptied and filled"])
def test_a_fault_of_one_table_does_not_hide_the_end_of_the_others(shop: Shop, name: str) -> None:
    for table in TABLES:
        shop.run(f"alter table {table} add column at timestamptz not null default '2024-01-05'")
    table = {"load": "snapshot", "key": ["id"], "event_time": "at"}
    settings = shop.shop_of(schedule="none", connections=2, **{name: {**table, "query_table": name} for name in TABLES})
    FAULTS[name].do(shop, "t0")
    if FAULTS[name].words:
        with pytest.raises(UserError, match=f"shop.t0: .*{FAULTS[name].words}"):
            land_source(settings, "shop")
    else:
        land_source(settings, "shop")
    expected = TABLES[1:] if FAULTS[name].words else TABLES
    assert landed(settings) == {table: shop.count(table) for table in expected}
