"""`make bench`: run benchmarks/*.py, print a table, write $CRM_HOME/bench.json.

A benchmark is a module whose `run()` returns a list of {name, value, unit, bound, ok, peers, command}.
`python -m benchmarks clv` runs one module and replaces only its rows in the file.
"""

import importlib
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.rows import Row
from pipeline.base.errors import UserError
from pipeline.base.files import write_json
from pipeline.base.settings import every_source, load_settings

PARTS = {"__main__", "dashboards", "process_tree", "rows"}  # used by the benchmarks; not benchmarks
BY_NAME = {"spark"}  # measured where it is named: it needs `make spark` and Java
FIELDS = {"name", "value", "unit", "bound", "ok", "peers", "command"}


def known_benchmarks() -> list[str]:
    """Names of the modules in this folder."""
    return sorted({path.stem for path in Path(__file__).parent.glob("*.py")} - PARTS)


def run_benchmarks(names: list[str]) -> list[Row]:
    """Run the named benchmarks, one after the other.

    Raises
    ------
    UserError
        There is no such benchmark.
    """
    if unknown := set(names) - set(known_benchmarks()):
        raise UserError(f"No benchmark '{min(unknown)}'. There are: {', '.join(known_benchmarks())}.")
    rows: list[Row] = []
    for name in names or sorted({*known_benchmarks()} - BY_NAME):
        rows += importlib.import_module(f"benchmarks.{name}").run()
    assert all(set(row) == FIELDS for row in rows)
    return rows


def merge(target: Path, rows: list[Row]) -> list[Row]:
    """Replace the rows of equal name among those of earlier runs."""
    measured = {row["name"]: row for row in [*_earlier(target), *rows]}
    return [measured[name] for name in sorted(measured)]


def _earlier(target: Path) -> list[Row]:
    """Return the rows of earlier runs; none where they cannot be read, because they can be measured again."""
    try:
        rows: list[Row] = json.loads(target.read_text(encoding="utf-8"))
        return [row for row in rows if set(row) == FIELDS]
    except (OSError, ValueError, TypeError, RecursionError):
        return []


def print_table(rows: list[Row]) -> None:
    """Print each measurement beside its bound and the figures of peers."""
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "value", "unit", "bound", "", "peers"):
        table.add_column(heading, justify="right" if heading in ("value", "bound") else "left")
    for row in rows:
        verdict = "[green]ok[/green]" if row["ok"] else "[red]missed[/red]"
        table.add_row(row["name"], f"{row['value']:,}", row["unit"], f"{row['bound']:,}", verdict, row["peers"] or "")
    Console(highlight=False).print(table)


def main(names: list[str]) -> int:
    """Measure; the exit code is 1 when a bound was missed."""
    try:
        settings = load_settings(every_source())
        rows = run_benchmarks(names)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    target = settings.home / "bench.json"
    write_json(target, merge(target, rows))
    print_table(rows)
    print(f"\nWritten to {target}")
    return 0 if all(row["ok"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
