"""What has landed of a table, key by key: its newest rows, what a new snapshot changes, what a scan of keys misses."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipeline.base.duck import quote_identifier, quote_literal
from pipeline.base.settings import Settings
from pipeline.landing.readers.base import list_of_files
from pipeline.landing.receipts import Receipt
from pipeline.sources.definitions import Table

LINEAGE = ("_position", "_op", "_interval", "_generation")
# The place of a row among all of its table, in the order in which they were read: generation, then position.
PLACE = "((_generation::bigint << 42) + _position)"
# What a column under `deleted` says, in small letters, where the row is there; anything else, such as a time, deletes
# it. Staging models are told the same words (pipeline/build/dbt.py).
NOT_DELETED = (
    *("", "\\x00", "0", "0.0", "f", "false", "n", "no", "null", "\\n", "none", "nan", "nat"),
    *("0000-00-00", "0000-00-00 00:00:00", "active"),
)
NEWEST = "_newest_landed"  # the table that `settle` makes


@dataclass(frozen=True)
class Landed:
    """The landed files of a table with a key.

    Attributes
    ----------
    files
        Their main files.
    siblings
        Their files of personal columns, of which some may have been erased.
    personal
        The columns that are only in siblings.
    keys
        Columns of the key; never personal.
    deleted
        The column that says that a row's key is gone, if there is one.
    """

    files: Sequence[Path]
    siblings: Sequence[Path]
    personal: Sequence[str]
    keys: Sequence[str]
    deleted: str | None = None

    @property
    def rows(self) -> str:
        """SQL: all rows, without personal columns."""
        return list_of_files("read_parquet", self.files, "union_by_name = true")

    @property
    def whole_rows(self) -> str:
        """SQL: all rows with their personal columns."""
        if not self.siblings:
            return self.rows
        main = list_of_files("read_parquet", self.files, "union_by_name = true, filename = true")
        siblings = list_of_files("read_parquet", self.siblings, "union_by_name = true, filename = true")
        names = ", ".join(f"siblings.{quote_identifier(name)}" for name in self.personal)
        return (
            f"(select main.* exclude (filename), {names} from {main} as main left join {siblings} as siblings "
            "on main._position = siblings._position "
            "and replace(main.filename, '.parquet', '.personal.parquet') = siblings.filename)"
        )

    @property
    def key_list(self) -> str:
        """SQL: the columns of the key."""
        return ", ".join(quote_identifier(name) for name in self.keys)

    def same_key(self, one: str, other: str) -> str:
        """SQL: whether two relations' rows have the same key. A missing part is equal to a missing part."""
        quoted = (quote_identifier(name) for name in self.keys)
        return " and ".join(f"{one}.{name} is not distinct from {other}.{name}" for name in quoted)

    @property
    def has_key(self) -> str:
        """SQL: whether no part of the key is missing."""
        return " and ".join(f"{quote_identifier(name)} is not null" for name in self.keys)

    @property
    def is_deletion(self) -> str:
        """SQL: whether a landed row deletes its key."""
        if self.deleted is None:
            return "_op = 'delete'"
        return f"(_op = 'delete' or {says_deleted(self.deleted)})"


def says_deleted(column: str | None) -> str:
    """SQL: whether a row says under its table's `deleted` that its key is gone."""
    if column is None:
        return "false"
    text = f"coalesce(cast({quote_identifier(column)} as varchar), '')"
    there = ", ".join(map(quote_literal, NOT_DELETED))
    return f"lower(trim(replace({text}, chr(0), ''))) not in ({there})"


def settle(connection: duckdb.DuckDBPyConnection, state: Landed, columns: Sequence[str] = ()) -> None:
    """Find per key the row that was read last, once for a session: the temporary table that says what it is.

    Its columns are the key, `columns`, `place`, `generation`, `_op`, and `is_gone`: whether the row deletes the key.
    """
    values = "".join(f", arg_max_null({name}, {PLACE}) as {name}" for name in map(quote_identifier, columns))
    connection.execute(
        f"create temp table if not exists {NEWEST} as select {state.key_list}{values}, max({PLACE}) as place, "
        f"max(_generation) as generation, arg_max({state.is_deletion}, {PLACE}) as is_gone, "
        f"arg_max(_op, {PLACE}) as _op "
        f"from {state.rows} where {state.has_key} group by {state.key_list}"
    )


def landed(settings: Settings, receipts: Sequence[Receipt], table: Table) -> Landed | None:
    """Return what has landed of a table; None when that is nothing."""
    keys = table.key_columns
    files = [settings.home / receipt["file"] for receipt in receipts]
    siblings = [
        path for receipt in receipts if receipt["personal"] and (path := settings.home / receipt["personal"]).is_file()
    ]
    is_personal = {column["name"]: bool(column.get("personal")) for receipt in receipts for column in receipt["schema"]}
    personal = [name for name, only_there in is_personal.items() if only_there]
    deleted = table.deleted if table.deleted in is_personal else None
    return Landed(files, siblings, personal if siblings else [], keys, deleted) if files else None


def fingerprint(columns: Sequence[str]) -> str:
    """SQL aggregate: equal for equal sets of rows, in any order. Null and the empty text differ."""
    values = ", ".join(f"coalesce(cast({quote_identifier(name)} as varchar), chr(0))" for name in columns)
    return f"(count(*), sum(hash({values})::hugeint))"


def changes_of_snapshot(state: Landed, snapshot: str, columns: Sequence[str], shared: Sequence[str]) -> tuple[str, str]:
    """SQL of the rows of a snapshot whose keys are new or have changed, and of the rows whose keys are gone.

    Parameters
    ----------
    state
        What has landed before.
    snapshot
        Relation of the whole table as it is now.
    columns
        Its columns, in order.
    shared
        Those that the load before had too: what is compared.

    Returns
    -------
    tuple of str
        Queries with `columns` and `_op`.
    """
    key = state.key_list
    now = f"(select {key}, {fingerprint(shared)} as content from {snapshot} group by {key})"
    loads = (
        f"(select {key}, _generation as load, max(_op) filter (_op = 'delete') as deletion, "
        f"{fingerprint(shared)} as content from {state.whole_rows} group by all)"
    )
    before = (
        f"(select {key}, arg_max_null(deletion, load) as deletion, arg_max_null(content, load) as content "
        f"from {loads} group by {key})"
    )
    names = ", ".join(f"snapshot.{quote_identifier(name)}" for name in columns)
    same = f"{state.same_key('before', 'now')} and before.content = now.content and before.deletion is null"
    changed = (
        f"select {names}, 'upsert' as _op from (select *, row_number() over () as _row from {snapshot}) as snapshot "
        f"anti join (select now.* from {now} as now inner join {before} as before on {same}) as unchanged "
        f"on {state.same_key('snapshot', 'unchanged')} order by snapshot._row"
    )
    return changed, gone_from(state, snapshot, columns, [name for name in shared if name not in state.personal])


def gone_from(state: Landed, present: str, columns: Sequence[str], landed_columns: Sequence[str]) -> str:
    """SQL of a deletion for each settled key that is not in `present`: with the values of its last row.

    A staging model that looks at other columns than the key then treats the deletion as it treated the row.
    """
    values = ", ".join(
        quote_identifier(name) if name in landed_columns else f"null as {quote_identifier(name)}" for name in columns
    )
    return (
        f"select {values}, 'delete' as _op from {state.rows} where _op <> 'delete' and {PLACE} in ("
        f"select newest.place from {NEWEST} as newest anti join {present} as present "
        f"on {state.same_key('newest', 'present')}) order by {state.key_list}"
    )


def count_deleted(connection: duckdb.DuckDBPyConnection, state: Landed, load: str) -> tuple[int, int]:
    """Count the settled keys that were there, and those of them that a load, a relation of landed rows, deletes."""
    query = (
        f"select count(*), count(gone._op) from {NEWEST} as newest left join ("
        f"select {state.key_list}, min(_op) as _op from {load} where {state.is_deletion} group by {state.key_list}"
        f") as gone on {state.same_key('newest', 'gone')} where not newest.is_gone"
    )
    ((before, deleted),) = connection.execute(query).fetchall()
    return int(before), int(deleted)
