"""The session in which the company is made: one DuckDB connection, the lives as tables, and SQL macros.

Every draw is a hash of (seed, purpose, key) and depends on nothing else, so an added draw or day shifts no other.
Times are whole seconds since 2023-01-01T00:00 local time (Asia/Singapore, UTC+8, no daylight saving); money is cents.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from demo.options import Options
from demo.world.laws import START, World
from demo.world.lives import Lives

SECONDS_A_DAY = 86_400
EPOCH_OF_START = 1_672_531_200  # 2023-01-01T00:00Z; local times are kept as if they were UTC
UTC_OFFSET = 28_800
FOREVER = 10**11
MEMORY = "3500MB"

MACROS = f"""
create macro u(purpose, key) as (hash(hash(key, purpose), $seed) >> 11) / 9007199254740992.0;
create macro pick(choices, x) as choices[1 + cast(floor(x * len(choices)) as int)];
create macro at_time(s) as make_timestamp(({EPOCH_OF_START} + s) * 1000000);
create macro local_text(s) as cast(at_time(s) as varchar);
create macro local_iso(s) as replace(cast(at_time(s) as varchar), ' ', 'T') || '+08:00';
create macro utc_iso(s) as replace(cast(at_time(s - {UTC_OFFSET}) as varchar), ' ', 'T') || 'Z';
create macro day_of(s) as cast(floor(s / {SECONDS_A_DAY}.0) as int);
create macro date_of(day) as date '{START.isoformat()}' + cast(day as int);
create macro money(cents) as cast(cast(cents / 100.0 as decimal(18, 2)) as varchar);
create macro tax_percent(s) as case when s < {365 * SECONDS_A_DAY} then 8 else 9 end;
create macro between_draw(low, high, x) as low + cast(floor(x * (high - low + 1)) as bigint);
create macro half_up(a, b) as cast((2 * a + b) // (2 * b) as bigint);
create macro code(prefix, k) as prefix || lpad(cast((k * 387420489 + 271828183) % 10000000000 as varchar), 10, '0');
"""


@dataclass(frozen=True)
class Company:
    """What the systems share: the connection, the options, and the second in which delivery ends."""

    con: duckdb.DuckDBPyConnection
    options: Options
    lives: Lives
    scratch: Path

    @property
    def world(self) -> World:
        """The laws that the lives follow."""
        return self.lives.world

    @property
    def end(self) -> int:
        """First second that is not delivered."""
        return self.options.days * SECONDS_A_DAY

    @property
    def is_full(self) -> bool:
        """Whether orders have what the published models lack: shipping, vouchers, returns, a marketplace."""
        return self.world.errors > 0

    def run(self, sql: str) -> None:
        """Execute one or several statements."""
        self.con.execute(sql)

    def table(self, name: str, select: str) -> None:
        """Make a table from a query."""
        self.con.execute(f"create table {name} as {select}")

    def numbers(self, name: str, columns: Mapping[str, Sequence[object] | np.ndarray]) -> None:
        """Make a table from arrays."""
        self.con.register("incoming", pa.table({column: pa.array(values) for column, values in columns.items()}))
        self.table(name, "select * from incoming")
        self.con.unregister("incoming")

    def drop(self, *names: str) -> None:
        """Remove tables that are no longer read."""
        for name in names:
            self.con.execute(f"drop table {name}")


@contextmanager
def open_company(options: Options, lives: Lives, scratch: Path) -> Iterator[Company]:
    """Open a connection with the lives as tables `lives` (one row per person) and `purchases`."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": 2,
        "memory_limit": MEMORY,
        "temp_directory": str(scratch / "spill"),
        "autoinstall_known_extensions": False,
    }
    with duckdb.connect(":memory:", config=config) as con:
        con.execute("set preserve_insertion_order = false")
        con.execute("set enable_progress_bar = false")
        for statement in MACROS.replace("$seed", str(options.seed)).strip().split(";\n"):
            con.execute(statement)
        company = Company(con, options, lives, scratch)
        _load_lives(company, lives)
        yield company


def _seconds(days: np.ndarray) -> np.ndarray:
    """Whole seconds of times in days; what never happens is at FOREVER."""
    return np.where(days < FOREVER / SECONDS_A_DAY, np.floor(np.minimum(days, 1e6) * SECONDS_A_DAY), FOREVER).astype(
        np.int64
    )


def _load_lives(company: Company, lives: Lives) -> None:
    persons, purchases = lives.persons, lives.purchases
    company.numbers(
        "lives",
        {
            "person_id": np.arange(len(persons.arrived_at), dtype=np.int64),
            "latent_class": persons.latent_class,
            "arrived_s": _seconds(persons.arrived_at),
            "left_s": _seconds(persons.left_at),
            "is_business": persons.is_business,
        },
    )
    company.numbers(
        "purchases",
        {
            "purchase_id": np.arange(len(purchases.at), dtype=np.int64),
            "person_id": purchases.person,
            "at_s": _seconds(purchases.at),
            "net_cents": purchases.net_cents,
            "campaign": purchases.campaign,
            "failure": purchases.failure,
            "handled": purchases.handled,
        },
    )


def text(value: object) -> str:
    """Return a SQL text, such as of a path for the statements that take no parameters."""
    return "'" + str(value).replace("'", "''") + "'"


def texts(values: Sequence[str]) -> str:
    """Return a SQL list of texts."""
    return "[" + ", ".join(map(text, values)) + "]"
