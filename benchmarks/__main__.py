"""`make bench`: run what benchmarks/*.py measure, print a table, write $CRM_HOME/bench.json.

A benchmark is a module with a function `measure(settings)` that yields `Measurement`s.
"""

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.measurement import Measurement
from pipeline.errors import UserError
from pipeline.files import write_json
from pipeline.settings import Settings, load_settings

NOT_BENCHMARKS = ("__main__", "measurement")


def measurements(settings: Settings, wanted: list[str]) -> Iterator[Measurement]:
    """Run the benchmarks one after the other; with names, only those modules."""
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem not in NOT_BENCHMARKS and (not wanted or path.stem in wanted):
            yield from importlib.import_module(f"benchmarks.{path.stem}").measure(settings)


def print_table(console: Console, rows: list[Measurement]) -> None:
    """Print name, value, bound and peers of each measurement."""
    table = Table(box=None, pad_edge=False)
    for heading, justify in (("name", "left"), ("value", "right"), ("unit", "left"), ("bound", "right"), ("", "left")):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    table.add_column("peers")
    for row in rows:
        bound = "" if row.bound is None else f"{row.bound:,.4g}"
        peers = ", ".join(f"{name} {value:,.4g}" for name, value in row.peers.items())
        table.add_row(row.name, f"{row.value:,.4g}", row.unit, bound, "ok" if row.ok else "SLOW", peers)
    console.print(table)


def main(wanted: list[str]) -> int:
    """Measure; exit code 1 when a bound is not kept."""
    try:
        settings = load_settings()
        rows = list(measurements(settings, wanted))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    target = settings.home / "bench.json"
    # The file is a list and stays one: a run of a few benchmarks replaces only their rows.
    kept = [row for row in read(target) if row["name"] not in {new.name for new in rows}]
    write_json(target, sorted([*kept, *(row.as_json() for row in rows)], key=lambda row: str(row["name"])))
    print_table(Console(highlight=False), rows)
    print(f"\nWritten to {target}")
    return 0 if all(row.ok for row in rows) else 1


def read(target: Path) -> list[dict[str, object]]:
    """Read the measurements of earlier runs, if there are any."""
    return json.loads(target.read_text(encoding="utf-8")) if target.is_file() else []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
