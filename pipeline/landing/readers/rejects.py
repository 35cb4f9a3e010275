"""Rejects: the lines and rows of a source that cannot be read, each with its place and the reason."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema([("file", pa.string()), ("line", pa.int64()), ("error", pa.string()), ("content", pa.string())])
ROWS_IN_MEMORY = 10_000
CHARACTERS_IN_MEMORY = 16 << 20


class Rejects:
    """Rejected rows in the order in which they were found; a long list is moved to a file.

    Parameters
    ----------
    path
        The file for more rows than fit in memory. None: all rows stay in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.first: dict[str, Any] | None = None
        self._path = path
        self._count = 0
        self._recent: list[dict[str, Any]] = []
        self._characters = 0
        self._file: pq.ParquetWriter | None = None

    def __len__(self) -> int:
        return self._count

    def add(self, file: str | None, line: int, error: str, content: str) -> None:
        """Add a row. It cannot be called once the rows have been read."""
        reject = {"file": file, "line": line, "error": error, "content": content}
        self.first = self.first or reject
        self._count += 1
        self._recent.append(reject)
        self._characters += len(content)
        is_full = len(self._recent) >= ROWS_IN_MEMORY or self._characters >= CHARACTERS_IN_MEMORY
        if is_full and self._path is not None:
            if self._file is None:
                self._file = pq.ParquetWriter(self._path, SCHEMA, compression="zstd")
            self._file.write_batch(self._batch())
            self._recent, self._characters = [], 0

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows."""
        if self._file is not None:
            assert self._path is not None
            self._file.close()
            with pq.ParquetFile(self._path) as written:
                yield from written.iter_batches(ROWS_IN_MEMORY)
        if self._recent:
            yield self._batch()

    def to_pylist(self) -> list[dict[str, Any]]:
        """All rows as dictionaries."""
        return [row for batch in self.batches() for row in batch.to_pylist()]

    def write(self, target: Path) -> None:
        """Write a Parquet file that only its owner can read: it holds values of the source."""
        target.unlink(missing_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as handle, pq.ParquetWriter(handle, SCHEMA, compression="zstd") as writer:
            for batch in self.batches():
                writer.write_batch(batch)

    def _batch(self) -> pa.RecordBatch:
        return pa.RecordBatch.from_pylist(self._recent, schema=SCHEMA)
