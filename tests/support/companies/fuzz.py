"""Landing of made-up files in a process of its own, which has limits of memory and time.

`python -m tests.support.companies.fuzz <folder>` lands the source `shop.yml` of the folder for each line of its input,
and answers with a line.
"""

import json
import os
import resource
import select
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

import pipeline.base.settings
from pipeline.base.errors import UserError
from pipeline.landing import land_table

MEMORY = 1 << 30  # bytes of the process at their peak, its libraries included
SECONDS = 60  # of a file
ADDRESSES = 16 * MEMORY  # of the process: what runs away ends here, and not with the machine
# For each of the six kinds of file in `make test-all`: five minutes in all. FUZZ_SECONDS in the environment changes it.
BUDGET = float(os.environ.get("FUZZ_SECONDS", "50"))
SHOP: dict[str, Any] = {
    "description": "A shop.",
    "kind": "files",
    "schedule": "0 0 * * *",
    "currency": "EUR",
    "time_zone": "UTC",
    "history": "complete",
    "first_interval_start": "2024-01-01",
}
TABLE = {"load": "snapshot", "key": "position", "may_be_empty": True}
END = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Outcome:
    """What came of landing a file: its rows and rejects, or why it was refused."""

    rows: list[tuple[str | None, ...]]
    rejects: list[dict[str, Any]]
    refused: str = ""


class Lander:
    """Lands files in another process, which lives until one of them ends it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def land(self, content: bytes, table: dict[str, Any], name: str = "sales.txt") -> Outcome:
        """Land one file as the whole of a table."""
        (self.folder / name).write_bytes(content)
        return self.land_source(yaml.safe_dump(self.source(table, name)).encode())

    def source(self, table: dict[str, Any], name: str = "sales.txt") -> dict[str, Any]:
        """The definition of a source with one table."""
        return {**SHOP, "location": str(self.folder), "tables": {"sales": {**TABLE, "file": name, **table}}}

    def land_source(self, yml: bytes) -> Outcome:
        """Land a source; it is within its limits, it raises nothing but a UserError, and its accounts balance."""
        answer = self.answer(yml)
        assert answer["seconds"] <= SECONDS, answer
        if "refused" in answer:
            return Outcome([], [], answer["refused"])
        home = self.folder / "home"
        landed = pq.read_table(home / answer["file"])
        columns = [landed[name].to_pylist() for name in landed.column_names if not name.startswith("_")]
        rejects = pq.read_table(home / answer["rejects"]).to_pylist() if answer["rejects"] else []
        assert answer["received"] == landed.num_rows + len(rejects), answer
        return Outcome(list(zip(*columns, strict=True)), rejects)

    def answer(self, yml: bytes) -> dict[str, Any]:
        """Land a source within the limits of memory; it raises nothing but a UserError."""
        (self.folder / "shop.yml").write_bytes(yml)
        answer = self._ask()
        assert "crash" not in answer, answer["crash"]
        assert answer["peak"] <= MEMORY, answer
        return answer

    def close(self) -> None:
        """End the process."""
        if self._process:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _ask(self) -> dict[str, Any]:
        if self._process is None:
            command = [sys.executable, "-m", "tests.support.companies.fuzz", str(self.folder)]
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=pipeline.base.settings.ROOT
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"land\n")
        self._process.stdin.flush()
        is_there, _, _ = select.select([self._process.stdout], [], [], 2 * SECONDS)
        line = self._process.stdout.readline() if is_there else b""
        if not line:
            self.close()
            return {"crash": "the process ended" if is_there else f"no answer within {2 * SECONDS} s"}
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def lander(folder: Path) -> Iterator[Lander]:
    """Open a process that lands files from a folder."""
    running = Lander(folder)
    try:
        yield running
    finally:
        running.close()


def within(seconds: float = BUDGET) -> Iterator[int]:
    """Count from 0 until the time is over."""
    end = time.monotonic() + seconds
    number = 0
    while time.monotonic() < end:
        yield number
        number += 1


def peak_memory() -> int:
    """Bytes of this process at their peak. What `getrusage` says begins with those of the process that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def _land(folder: Path) -> dict[str, Any]:
    shutil.rmtree(folder / "home", ignore_errors=True)
    started = time.monotonic()
    try:
        settings = pipeline.base.settings.load_settings({"CRM_HOME": str(folder / "home"), "CRM_SOURCES": "shop"})
        receipt = land_table(settings, "shop", "sales", interval_end=END)
        assert receipt != "unchanged"
        answer: dict[str, Any] = {name: receipt[name] for name in ("received", "file", "rejects")}
    except UserError as error:
        answer = {"refused": str(error)}
    except Exception:  # noqa: BLE001 - it is what is looked for
        answer = {"crash": traceback.format_exc()}
    return {**answer, "seconds": time.monotonic() - started, "peak": peak_memory()}


def _main(folder: Path) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    pipeline.base.settings.SOURCE_FILES = folder
    for _ in sys.stdin:
        print(json.dumps(_land(folder)), flush=True)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
