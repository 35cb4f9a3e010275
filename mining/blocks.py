"""Tables in blocks of equal numbers of rows: files of any size are read, checked, hashed and written through them."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.base.errors import UserError
from pipeline.base.files import atomic_path, sha256_of

BLOCK = 122_880
"""Rows; as many as DuckDB writes into a row group of Parquet."""


class Blocks:
    """Cuts tables that come one after another into blocks, wherever one table ends and the next begins."""

    def __init__(self, schema: pa.Schema, rows: int = BLOCK) -> None:
        self._rest, self._rows = schema.empty_table(), rows

    def add(self, table: pa.Table) -> Iterator[pa.Table]:
        """Yield the blocks that are full."""
        whole = pa.concat_tables([self._rest, table])
        full = whole.num_rows - whole.num_rows % self._rows
        self._rest = whole.slice(full).combine_chunks()
        for start in range(0, full, self._rows):
            yield whole.slice(start, self._rows).combine_chunks()

    @property
    def rest(self) -> pa.Table:
        """The rows that fill no block yet."""
        return self._rest


def in_blocks(tables: Iterable[pa.Table], schema: pa.Schema, rows: int = BLOCK) -> Iterator[pa.Table]:
    """Cut tables into blocks; the last one has what is left, and there is none without rows."""
    blocks = Blocks(schema, rows)
    for table in tables:
        yield from blocks.add(table)
    if blocks.rest.num_rows:
        yield blocks.rest


class ContentHash:
    """SHA-256 of the names, types and values of a table's columns in its row order: not of Parquet bytes."""

    def __init__(self, schema: pa.Schema) -> None:
        self._columns = {each.name: sha256(f"{each.name}\0{each.type}\0".encode()) for each in schema}

    def add(self, block: pa.Table) -> None:
        """Go on with the next block."""
        for name, digest in self._columns.items():
            for part in _bytes_of(block[name]):
                digest.update(part)

    def hexdigest(self) -> str:
        """Return the hash of what was added."""
        return sha256_of({name: digest.hexdigest() for name, digest in self._columns.items()})


def _bytes_of(column: pa.ChunkedArray) -> Iterator[bytes | memoryview]:
    """Yield what tells a column from others of its type: the places of nulls and the numbers, or lengths and texts."""
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_date32(kind):
        yield np.flatnonzero(column.is_null()).astype("<i8").tobytes()
        plain = column.cast(pa.int32()) if pa.types.is_date32(kind) else column
        values = np.ascontiguousarray(pc.fill_null(plain, pa.scalar(0, plain.type)).to_numpy())
        yield (np.where(np.isnan(values), np.nan, values) if pa.types.is_floating(kind) else values).data
        return
    text = pc.fill_null(column.cast(pa.large_string()), "\0")
    texts = pa.concat_arrays(text.chunks) if text.num_chunks else pa.array([], pa.large_string())
    lengths = pc.binary_length(texts).to_numpy(zero_copy_only=False).astype("<i8")
    yield lengths.tobytes()
    if len(texts):
        start = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset]
        yield memoryview(texts.buffers()[2])[start : start + int(lengths.sum())]


class Order:
    """Checks that the keys of blocks ascend, from the first row of the first one to the last row of the last one."""

    def __init__(self, key: Sequence[str], origin: str) -> None:
        self._key, self._origin, self._last = list(key), origin, None

    def check(self, block: pa.Table, as_of: dt.date) -> None:
        """Check the next block.

        Raises
        ------
        UserError
            A key is null, repeats or is below the one before, or a row is dated after `as_of`.
        """
        keys, names = block.select(self._key), ", ".join(self._key)
        if any(keys[name].null_count for name in self._key):
            raise UserError(f"{self._origin} has a row without its key ({names}). Report it: the build tests it.")
        after = keys if self._last is None else pa.concat_tables([self._last, keys])
        if not is_ascending(after, self._key):
            raise UserError(
                f"{self._origin} has more than one row for a key ({names}), or rows out of its order. Report it: the "
                "build tests the one and writes the other."
            )
        if pc.max(keys["as_of_date"]).as_py() > as_of:
            raise UserError(f"{self._origin} has rows dated after {as_of}.")
        self._last = keys.slice(keys.num_rows - 1)


def is_ascending(table: pa.Table, key: Sequence[str]) -> bool:
    """Whether each row's key is above that of the row before, so that the table is sorted and no key repeats."""
    above, equal = pa.scalar(False), pa.scalar(True)
    for name in key:
        before, after = table[name].slice(0, table.num_rows - 1), table[name].slice(1)
        above = pc.or_(above, pc.and_(equal, pc.greater(after, before)))
        equal = pc.and_(equal, pc.equal(after, before))
    return table.num_rows < 2 or bool(pc.all(above).as_py())


@contextmanager
def block_file(target: Path, schema: pa.Schema) -> Iterator[Callable[[pa.Table], None]]:
    """Write a Parquet file (zstd) in parts: equal rows give equal bytes, in whatever parts they come.

    Yields what writes the next rows. The file is there, whole, where the block succeeds.
    """
    blocks, written = Blocks(schema), 0
    with atomic_path(target) as path, pq.ParquetWriter(path, schema, compression="zstd") as writer:

        def add(table: pa.Table) -> None:
            nonlocal written
            for block in blocks.add(table):
                writer.write_table(block)
                written += 1

        yield add
        if blocks.rest.num_rows or not written:
            writer.write_table(blocks.rest)
