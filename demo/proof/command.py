"""`perennial prove`: the pipeline on worlds whose truth is known, and one table of what it recovered."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from demo.proof.identities import shares_of
from demo.proof.linked import Share
from demo.proof.measures import Findings, measure
from demo.proof.picture import draw
from demo.proof.recovered import identity
from demo.proof.row import Row
from demo.proof.runs import Run, ensure, read_runs
from demo.proof.table import print_table
from demo.proof.trial import open_trial
from pipeline.base.files import write_json
from pipeline.base.settings import Settings, every_source, load_settings

WIDTH = 150


def prove_worlds(worlds: str, seeds: str, customers: str) -> bool:
    """Prove, and return whether every bound is kept.

    Parameters
    ----------
    worlds, seeds
        Names and numbers, comma-separated.
    customers
        How many persons each world has.

    Raises
    ------
    UserError
        A value cannot be used, or a run says what can be put right.
    RunFailedError
        A run failed otherwise.
    """
    console = Console(highlight=False)
    if not console.is_terminal or console.width > WIDTH:
        console.width = WIDTH
    settings = load_settings(every_source())
    found = prove(settings, read_runs(settings, worlds, seeds, customers), console)
    return all(row.ok is not False for findings in found.values() for row in findings.rows)


def prove_identity(worlds: str, seeds: str, customers: str) -> bool:
    """Prove who is one customer, without the rest of a build; the seeds of a world are pooled.

    Parameters, errors and result are those of `prove_worlds`.
    """
    console = Console(highlight=False, width=WIDTH)
    settings = load_settings(every_source())
    pooled: dict[str, dict[str, Share]] = {}
    runs = read_runs(settings, worlds, seeds, customers)
    for run in runs:
        with console.status(f"  {run.name} …"):
            sums = pooled.setdefault(run.world, {})
            for name, share in shares_of(run).items():
                sums[name] = sums.get(name, Share(0, 0)).plus(share)
    found: dict[Run, list[Row]] = {}
    for world, sums in pooled.items():
        own = [run for run in runs if run.world == world]
        errors = float(dict(own[0].multipliers).get("DEMO_ERRORS", "1"))
        found[own[0]] = identity.rows(sums, world, errors, sum(run.customers for run in own))
    print_table(console, found)
    results = _write(settings, found)
    console.print(f"\nWritten to {results}", soft_wrap=True)
    return all(row.ok is not False for rows in found.values() for row in rows)


def prove(settings: Settings, runs: list[Run], console: Console) -> dict[Run, Findings]:
    """Run, measure, print the table, and write prove.json and prove.png."""
    found: dict[Run, Findings] = {}
    for run in runs:
        with console.status(f"  {run.name} …"):
            ensure(run, settings, console.print)
            with open_trial(run.world, run.seed, run.customers, run.home) as trial:
                found[run] = measure(trial)
    rows = {run: findings.rows for run, findings in found.items()}
    print_table(console, rows)
    results, picture = _write(settings, rows), settings.home / "prove.png"
    draw(found, picture)
    console.print(f"\nWritten to {results} and {picture}", soft_wrap=True)
    return found


def _write(settings: Settings, found: Mapping[Run, Sequence[Row]]) -> Path:
    """Write the rows of runs to prove.json, each with what its run was given."""
    path = settings.home / "prove.json"
    write_json(
        path,
        [
            {"world": run.world, "seed": run.seed, "customers": run.customers, **dict(run.multipliers)} | row.as_json()
            for run, rows in found.items()
            for row in rows
        ],
    )
    return path
