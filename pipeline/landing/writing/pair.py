"""The Parquet files of a load: the main file, and the sibling with its personal columns, row by row by `_position`."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.landing.readers.base import Stream, one_ahead

log = logging.getLogger("perennial.landing")
COMPRESSION = {"compression": "zstd", "compression_level": 1}
SAY_EVERY_SECONDS = 2.0
# A text column is written with a dictionary where a batch has at most this share of distinct values.
REPEATING = 0.1
# Of these the differences from row to row are written: half the time of the plain values, and a third of the bytes.
SMALL_STEPS = (pa.types.is_integer, pa.types.is_timestamp, pa.types.is_date)


@dataclass(frozen=True)
class Pair:
    """Where a load is written, and what the writer adds to each row.

    Attributes
    ----------
    main, sibling
        The two files. There is no sibling without personal columns.
    personal
        Columns that go into the sibling.
    interval, generation
        Of the load.
    label
        How messages name the table.
    """

    main: Path
    sibling: Path
    personal: Sequence[str]
    interval: str
    generation: int
    label: str

    @property
    def rejects(self) -> Path:
        """Where the rows that cannot be read are written."""
        return self.main.with_suffix(".rejects.parquet")

    def remove(self) -> None:
        """Remove the files, as far as they are still there."""
        for path in (self.main, self.sibling, self.rejects):
            path.unlink(missing_ok=True)

    def write(self, stream: Stream, deletions: pa.Table | None = None) -> int:
        """Write a stream, then rows that delete; return the number of rows of both."""
        with _Writer(self, stream.schema, stream.expected) as writer:
            for batch in one_ahead(stream.batches):
                writer.write(batch, "upsert")
            for batch in deletions.cast(stream.schema).to_batches() if deletions is not None else []:
                writer.write(batch, "delete")
            return writer.rows


class _Writer:
    """Adds position and lineage to batches, and parts their columns between the two files."""

    def __init__(self, pair: Pair, schema: pa.Schema, expected: int | None) -> None:
        self.pair = pair
        self.rows = 0
        self._schema = schema
        self._expected = expected
        self._public = [name for name in schema.names if name not in pair.personal]
        self._files: list[pq.ParquetWriter] = []
        self._said = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None and not self._files:  # no batch came: files without rows
            self.write(
                pa.RecordBatch.from_arrays([pa.array([], kind) for kind in self._schema.types], schema=self._schema),
                "upsert",
            )
        for file in self._files:
            file.close()

    def write(self, batch: pa.RecordBatch, op: str) -> None:
        count = batch.num_rows
        position = pa.array(np.arange(self.rows + 1, self.rows + count + 1))
        lineage = {
            "_position": position,
            "_op": _repeated(op, count),
            "_interval": _repeated(self.pair.interval, count),
            "_generation": pa.repeat(pa.scalar(self.pair.generation), count),
        }
        parts = [_batch({**{name: batch.column(name) for name in self._public}, **lineage})]
        if self.pair.personal:
            personal = {name: batch.column(name) for name in self.pair.personal}
            parts.append(_batch({"_position": position, **personal}))
        if not self._files:
            self._files = [
                _open(path, part) for path, part in zip((self.pair.main, self.pair.sibling), parts, strict=False)
            ]
        for file, part in zip(self._files, parts, strict=True):
            file.write_batch(part)
        self.rows += count
        if time.monotonic() - self._said > SAY_EVERY_SECONDS:
            self._said = time.monotonic()
            share = self.rows / self._expected if self._expected else None
            log.info("%s: %s rows", self.pair.label, f"{self.rows:,}", extra={"share": share})


def _batch(columns: dict[str, pa.Array]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def _repeated(value: str, count: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, dtype=np.int8)), pa.array([value]))


def _open(path: Path, first: pa.RecordBatch) -> pq.ParquetWriter:
    repeating = _repeating(first)
    encoding = {
        name: "DELTA_BINARY_PACKED"
        for name, kind in zip(first.schema.names, first.schema.types, strict=True)
        if any(is_kind(kind) for is_kind in SMALL_STEPS) and name not in repeating
    }
    return pq.ParquetWriter(
        path,
        first.schema,
        use_dictionary=repeating,
        column_encoding=encoding or None,
        write_statistics=False,
        store_schema=False,
        **COMPRESSION,
    )


def _repeating(batch: pa.RecordBatch) -> list[str]:
    """Columns in which values repeat: a dictionary of others only costs time."""
    limit = REPEATING * batch.num_rows
    return ["_op", "_interval", "_generation"] * ("_op" in batch.schema.names) + [
        name
        for name, array in zip(batch.schema.names, batch.columns, strict=True)
        if pa.types.is_string(array.type) and pc.count_distinct(array).as_py() <= limit
    ]
