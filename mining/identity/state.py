"""What the build before has scored: a DuckDB file of hashes and numbers, of which a day rewrites its own records alone.

A record that says what it said has the same print. Its keys and the pairs of two such records are as they were. What
changes is written in one transaction, so that a build that dies leaves the state of the one before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from pipeline.base.duck import quote_literal

TABLES = """
create table if not exists state.records (print ubigint, state_no bigint);
create table if not exists state.keys (state_no bigint, key ubigint);
create table if not exists state.slip_keys (state_no bigint, key ubigint);
create table if not exists state.pairs (
    state_no bigint, other_no bigint, weight double, evidence varchar, verdict varchar, reason varchar
)
"""
# numbers: the records that say what they said. changed: the others; gone: what records said that is said no more.
COMPARED = """
create or replace temp table numbers as
select basis.record_no, records.state_no from basis inner join state.records as records on basis.print = records.print;
create or replace temp table changed as
select record_no from basis anti join numbers using (record_no);
create or replace temp table gone as
select state_no from state.records anti join numbers using (state_no)
"""
PAIRS = """
begin;
delete from state.pairs where state_no in (from gone) or other_no in (from gone);
create or replace temp table compared_again as
select state_no from numbers where record_no in (select record_no from changed);
delete from state.pairs where state_no in (from compared_again) or other_no in (from compared_again);
insert into numbers
select
    record_no,
    (select coalesce(max(state_no), 0) from state.records) + row_number() over (order by record_no)
from basis anti join numbers using (record_no);
insert into state.pairs
select
    one.state_no,
    other.state_no,
    judged.weight,
    array_to_string(judged.evidence, ', '),
    judged.verdict,
    judged.reason
from judged
inner join numbers as one on judged.record_no = one.record_no
inner join numbers as other on judged.other_no = other.record_no
"""
KEYS = """
delete from state.keys where state_no in (from gone);
delete from state.records where state_no in (from gone);
delete from state.slip_keys;
insert into state.keys select state_no, key from new_keys inner join numbers using (record_no);
insert into state.slip_keys select state_no, key from slip_keys inner join numbers using (record_no);
insert into state.records
select print, state_no from basis inner join numbers using (record_no)
where state_no not in (select state_no from state.records)
"""


@contextmanager
def opened(connection: duckdb.DuckDBPyConnection, path: Path | None) -> Iterator[None]:
    """Attach the state of the build before as `state`, and compare its records with `basis`; none where path is None.

    Makes the tables `numbers`, `changed` and `gone`.
    """
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(f"attach {quote_literal(str(path or ':memory:'))} as state (type duckdb)")
    try:
        connection.execute(TABLES)
        connection.execute(COMPARED)
        yield
    finally:
        connection.execute("detach state")


def keep(connection: duckdb.DuckDBPyConnection, *, with_keys: bool) -> None:
    """Bring the pairs up to date with `judged`; with the keys of records, where a build follows."""
    try:
        connection.execute(PAIRS)
        if with_keys:
            connection.execute(KEYS)
    except duckdb.Error:
        connection.execute("rollback")
        raise
    connection.execute("commit")
