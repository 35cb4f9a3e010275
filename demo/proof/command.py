"""`make prove`: the pipeline on worlds whose truth is known, and one table of what it recovered.

Exit code 0: every bound is kept. 1: a bound is missed, or a run failed. 2: something that the user can put right.
130: stopped by the user.
"""

import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console

from demo.proof.measures import Findings, measure
from demo.proof.picture import draw
from demo.proof.runs import Run, RunFailedError, ensure, read_runs
from demo.proof.table import print_table
from demo.proof.trial import open_trial
from pipeline.errors import UserError
from pipeline.files import write_json
from pipeline.settings import Settings, every_source, load_settings

WIDTH = 150


def main(words: Sequence[str] = ()) -> int:
    """Prove; return the exit code."""
    if words:
        print("make prove takes variables: WORLDS, SEEDS, CUSTOMERS, DEMO_ERRORS, DEMO_CORRUPTION.", file=sys.stderr)
        return 2
    console = Console(highlight=False)
    if not console.is_terminal or console.width > WIDTH:
        console.width = WIDTH
    try:
        settings = load_settings(every_source())
        found = prove(settings, read_runs(settings), console)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except RunFailedError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. What was run is kept; `make prove` goes on from there.", file=sys.stderr)
        return 130
    return 0 if all(row.ok is not False for findings in found.values() for row in findings.rows) else 1


def prove(settings: Settings, runs: list[Run], console: Console) -> dict[Run, Findings]:
    """Run, measure, print the table, and write prove.json and prove.png."""
    found: dict[Run, Findings] = {}
    for run in runs:
        with console.status(f"  {run.name} …"):
            ensure(run, settings, console.print)
            with open_trial(run.world, run.seed, run.customers, run.home) as trial:
                found[run] = measure(trial)
    print_table(console, {run: findings.rows for run, findings in found.items()})
    results, picture = settings.home / "prove.json", settings.home / "prove.png"
    write_json(results, [row for run, findings in found.items() for row in _json(run, findings)])
    draw(found, picture)
    console.print(f"\nWritten to {results} and {picture}", soft_wrap=True)
    return found


def _json(run: Run, findings: Findings) -> list[dict[str, Any]]:
    settings = {"world": run.world, "seed": run.seed, "customers": run.customers, **dict(run.multipliers)}
    return [settings | row.as_json() for row in findings.rows]
