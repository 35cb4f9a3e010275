"""PostgreSQL through ADBC: binary COPY, streamed as Arrow, one snapshot for all tables of a load."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from pipeline.base.errors import UserError
from pipeline.landing.connections import CONNECT_SECONDS, Address
from pipeline.landing.readers.base import Request, Stream, one_ahead
from pipeline.landing.readers.databases import faults
from pipeline.landing.readers.databases.database import Column, Connection, Database
from pipeline.landing.readers.databases.faults import Fault
from pipeline.landing.readers.databases.postgresql_pool import Pool
from pipeline.landing.readers.databases.postgresql_session import Answer, ServerError, Session
from pipeline.landing.readers.databases.postgresql_values import column_of, typed
from pipeline.landing.readers.rejects import Rejects

BATCH_BYTES = 16 << 20  # of all connections that a table is read over
COLUMNS = """
select
    attribute.attname::text, coalesce(base.typname, kind.typname)::text,
    case when base.oid is null then attribute.atttypmod else kind.typtypmod end,
    format_type(kind.oid, attribute.atttypmod)
from pg_catalog.pg_attribute as attribute
inner join pg_catalog.pg_class as relation on attribute.attrelid = relation.oid
inner join pg_catalog.pg_namespace as namespace on relation.relnamespace = namespace.oid
inner join pg_catalog.pg_type as kind on attribute.atttypid = kind.oid
left join pg_catalog.pg_type as base on kind.typtype = 'd' and kind.typbasetype = base.oid
where
    relation.relname = $1 and namespace.nspname = coalesce(nullif($2, ''), current_schema())
    and relation.relkind in ('r', 'v', 'm', 'f', 'p') and attribute.attnum > 0 and not attribute.attisdropped
order by attribute.attnum
"""
TABLES = """
select relation.relname::text
from pg_catalog.pg_class as relation
inner join pg_catalog.pg_namespace as namespace on relation.relnamespace = namespace.oid
where namespace.nspname = coalesce(nullif($1, ''), current_schema()) and relation.relkind in ('r', 'v', 'm', 'f', 'p')
order by 1
"""
ROWS = """
select relation.reltuples::float8
from pg_catalog.pg_class as relation
inner join pg_catalog.pg_namespace as namespace on relation.relnamespace = namespace.oid
where relation.relname = $1 and namespace.nspname = coalesce(nullif($2, ''), current_schema())
"""
# Where a table's rows are in its file; a server before version 14 finds a range only by reading everything. The size is
# null where the table was dropped since the snapshot, which still has its name.
PAGES = """
select coalesce(pg_catalog.pg_relation_size(relation.oid), 0) / current_setting('block_size')::int8
from pg_catalog.pg_class as relation
inner join pg_catalog.pg_namespace as namespace on relation.relnamespace = namespace.oid
where
    relation.relname = $1 and namespace.nspname = coalesce(nullif($2, ''), current_schema())
    and relation.relkind in ('r', 'm') and current_setting('server_version_num')::int4 >= 140000
"""
LEAST_PAGES = 8_192  # 64 MB: below that a second connection gains nothing
# Whether a table, or one that a view or a partitioned table reads, is in another file than the snapshot says: it was
# truncated or rewritten since, which PostgreSQL shows to older snapshots too, as an empty table.
REWRITTEN = """
with recursive used (oid) as (
    select relation.oid
    from pg_catalog.pg_class as relation
    inner join pg_catalog.pg_namespace as namespace on relation.relnamespace = namespace.oid
    where relation.relname = $1 and namespace.nspname = coalesce(nullif($2, ''), current_schema())
    union
    select coalesce(depend.refobjid, part.inhrelid)
    from used
    left join pg_catalog.pg_rewrite as rewrite on rewrite.ev_class = used.oid
    left join pg_catalog.pg_depend as depend
        on depend.classid = 'pg_catalog.pg_rewrite'::regclass and depend.objid = rewrite.oid
        and depend.refclassid = 'pg_catalog.pg_class'::regclass
    left join pg_catalog.pg_inherits as part on part.inhparent = used.oid
    where depend.refobjid is not null or part.inhrelid is not null
)
select 1
from pg_catalog.pg_class as relation
inner join used on relation.oid = used.oid
where relation.relfilenode <> 0 and relation.relfilenode is distinct from pg_catalog.pg_relation_filenode(relation.oid)
limit 1
"""


class PostgreSQL(Database):
    """A server, over connections that read all tables as of one moment."""

    def __init__(self, address: Address, connections: int) -> None:
        self._pool = Pool(
            address.with_defaults(connect_timeout=CONNECT_SECONDS, application_name="perennial"), connections
        )

    @contextmanager
    def connection(self) -> Generator["_Connection"]:
        """Lend a connection; wait for one while all are lent."""
        lent = _Connection(self._pool)
        try:
            yield lent
        finally:
            lent.give_back()

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


class _Connection(Connection):
    """A session while it is lent, with those that it has taken to help."""

    def __init__(self, pool: Pool) -> None:
        self.place = pool.address.label
        self._pool = pool
        self._session = pool.take()
        self._helpers: list[Session] = []
        self._answers: list[Answer] = []

    def give_back(self) -> None:
        """Close what was not read to its end, and give all sessions back."""
        self._stop()
        self._pool.give_back([self._session])

    def _stop(self) -> None:
        for answer in self._answers:
            answer.close()
        self._answers.clear()
        self._pool.give_back(self._helpers)
        self._helpers.clear()

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query about the database itself."""
        return self._ask(sql, "*")

    def _ask(self, sql: str, table: str, *values: str) -> list[tuple[Any, ...]]:
        try:
            return self._session.ask(sql, *values)
        except ServerError as error:
            raise self._failed(error, None, f"table '{table}'") from None

    def tables(self, schema: str | None) -> list[str]:
        return [name for (name,) in self._ask(TABLES, "*", schema or "")]

    def columns(self, table: str, schema: str | None) -> list[Column]:
        return [column_of(*row) for row in self._ask(COLUMNS, table, table, schema or "")]

    def rows_about(self, table: str, schema: str | None) -> int | None:
        ((rows,),) = self._ask(ROWS, table, table, schema or "") or [(-1,)]
        return int(rows) if rows > 0 else None

    def moment(self, column: Column, moment: datetime, zone: str) -> tuple[str, str]:
        quoted = self.quote(column.name)
        if column.time == "instant":
            return quoted, f"timestamptz '{moment.astimezone(UTC).isoformat()}'"
        local = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        return quoted, f"date '{local.date()}'" if column.time == "date" else f"timestamp '{local.isoformat()}'"

    def query(self, sql: str, columns: Sequence[Column], request: Request, rejects: Rejects) -> Stream:
        return self._stream([sql], columns, request, rejects)

    def query_whole(
        self, select: Callable[[str], str], columns: Sequence[Column], request: Request, rejects: Rejects
    ) -> Stream:
        """Read ranges of a large table over the connections that are idle now: a server works on one core for each."""
        name = request.table.query_table or ""
        ((pages,),) = self._ask(PAGES, name, name, request.table.query_schema or "") or [(0,)]
        if request.is_ordered or pages < LEAST_PAGES:
            return self.query(select(""), columns, request, rejects)
        self._helpers += self._pool.take_idle()
        parts = _ranges(pages, 1 + len(self._helpers))
        return self._stream([select(condition) for condition in parts], columns, request, rejects)

    def _stream(self, queries: Sequence[str], columns: Sequence[Column], request: Request, rejects: Rejects) -> Stream:
        sessions = [self._session, *self._helpers][: len(queries)]
        self._check_snapshot(request)
        for session, sql in zip(sessions, queries, strict=True):
            try:
                self._answers.append(session.answer(sql, BATCH_BYTES // len(queries)))
            except ServerError as error:
                raise self._failed(error, request) from None
        answers = self._answers[-len(queries) :]
        kinds = answers[0].schema.types
        schema = pa.schema([(c.name, c.arrow or kind) for c, kind in zip(columns, kinds, strict=True)])
        return Stream(schema, self._batches(answers, schema, rejects, request))

    def _batches(
        self, answers: Sequence[Answer], schema: pa.Schema, rejects: Rejects, request: Request
    ) -> Generator[pa.RecordBatch]:
        number = 0
        parts = [one_ahead(part.batches()) if len(answers) > 1 else part.batches() for part in answers]
        try:
            for batch in _by_turns(parts):
                yield typed(batch, schema, number, rejects, request)
                number += batch.num_rows
        except ServerError as error:
            raise self._failed(error, request) from None
        finally:
            for part in parts:
                part.close()
            self._stop()

    def _check_snapshot(self, request: Request) -> None:
        """Refuse a table that was emptied or rewritten since the snapshot; from here on it is locked against that."""
        table, schema = request.table.query_table or "", request.table.query_schema
        try:
            self._session.run(f"select from {self.name_of(table, schema)} limit 0")
            is_rewritten = bool(self._session.ask(REWRITTEN, table, schema or ""))
        except ServerError as error:
            raise self._failed(error, request) from None
        if is_rewritten:
            raise self._error(faults.REWRITTEN, "", request)

    def _failed(self, error: ServerError, request: Request | None, label: str = "") -> UserError:
        """What the server said of a query; its text has no values of rows."""
        is_timeout = error.fault is faults.CANCELLED and self._session.names["limit"]
        return self._error(faults.STATEMENT_TIMEOUT if is_timeout else error.fault, error.said, request, label)

    def _error(self, fault: Fault, said: str, request: Request | None, label: str = "") -> UserError:
        if fault.is_stale:
            self._pool.leave(self._session.generation)
        names = {**self._session.names, **({"definition": request.definition} if request else {})}
        return fault.error(request.label if request else label, said, **names)


def _by_turns(parts: Sequence[Generator[pa.RecordBatch]]) -> Generator[pa.RecordBatch]:
    """Yield a batch of each part in turn: an order that does not depend on which server process is faster."""
    live = list(parts)
    while live:
        for part in list(live):
            batch = next(part, None)
            if batch is None:
                live.remove(part)
            else:
                yield batch


def _ranges(pages: int, count: int) -> list[str]:
    """SQL conditions that share out the rows of a table among `count` readers by where they are in its file."""
    firsts = [pages * number // count for number in range(count)]
    return [
        f"ctid >= '({first},0)'::tid" + (f" and ctid < '({last},0)'::tid" if last else "")
        for first, last in zip(firsts, [*firsts[1:], None], strict=True)
    ]
