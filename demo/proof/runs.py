"""Running the pipeline on a world the way a user does: commands in a home of its own."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.options import read_options
from demo.oracle import write_oracle
from demo.world.lives import simulate
from demo.world.worlds import WORLDS, get_world
from pipeline.base.errors import UserError
from pipeline.base.files import sha256_of, write_json
from pipeline.base.settings import ROOT, Settings

MULTIPLIERS = ("DEMO_ERRORS", "DEMO_CORRUPTION")
# Settings that change no figure: where the data are, what builds the warehouse, and with how much.
KEPT = ("CRM_DATA", "CRM_ENGINE", "CRM_SPARK_MASTER", "CRM_MEMORY_GB")
DONE = "proved.json"
COUNTS = "purchase_counts.parquet"
"""P(purchases of a year ahead ≤ k) per customer, in a run's home."""
TAIL = 40
PERENNIAL = str(Path(sys.executable).with_name("perennial"))

Say = Callable[[str], None]


class RunFailedError(Exception):
    """The pipeline failed for a reason that is not the user's; the message ends with its last lines."""


@dataclass(frozen=True)
class Run:
    """One world, seed and size, and its home."""

    world: str
    seed: int
    customers: int
    home: Path
    multipliers: tuple[tuple[str, str], ...]

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of the pipeline; other settings keep their defaults, so that a year is a year."""
        others = ("CRM_", "DEMO_")
        kept = {name: text for name, text in os.environ.items() if name in KEPT or not name.startswith(others)}
        return kept | {
            "CRM_HOME": str(self.home),
            "CRM_SOURCES": "demo_*",
            "DEMO_WORLD": self.world,
            "DEMO_SEED": str(self.seed),
            "DEMO_CUSTOMERS": str(self.customers),
            **dict(self.multipliers),
        }

    @property
    def name(self) -> str:
        """Return the name of the run in messages."""
        more = "".join(f", {name} {text}" for name, text in self.multipliers)
        return f"{self.world}, seed {self.seed}, {self.customers:,} customers{more}"


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def read_runs(
    settings: Settings, worlds: str, seeds: str, customers: str, env: Mapping[str, str] = os.environ
) -> list[Run]:
    """Return the runs of every world with every seed, with DEMO_ERRORS and DEMO_CORRUPTION of the environment.

    Raises
    ------
    UserError
        A value cannot be used; the message names it.
    """
    names, numbers, customers = _names(worlds), _names(seeds), customers.strip()
    if unknown := [world for world in names if world not in WORLDS]:
        raise UserError(f"WORLDS names '{unknown[0]}': there is no such world. Use some of {', '.join(WORLDS)}.")
    if wrong := [seed for seed in numbers if not seed.isdecimal()]:
        raise UserError(f"SEEDS has '{wrong[0]}': give whole numbers, for example SEEDS=1,2,3.")
    if not names or not numbers:
        raise UserError("WORLDS and SEEDS need at least one name and one number: WORLDS=clean SEEDS=1.")
    if not customers.isdecimal():
        raise UserError(f"CUSTOMERS is '{customers}': give a whole number, for example CUSTOMERS=5000.")
    given = tuple((name, env[name].strip()) for name in MULTIPLIERS if env.get(name, "").strip())
    checked = {"DEMO_CUSTOMERS": customers, **dict(given)}
    for seed in numbers:
        read_options({}, {**checked, "DEMO_SEED": seed})
    suffix = "".join(f"-{name.removeprefix('DEMO_').lower()}{text}" for name, text in given)
    suffix += "-spark" if settings.is_spark else ""
    folder = settings.home / "prove"
    return [
        Run(world, int(seed), int(customers), folder / f"{world}-{int(seed)}-{int(customers)}{suffix}", given)
        for world in names
        for seed in numbers
    ]


def ensure(run: Run, settings: Settings, say: Say) -> None:
    """Make the company and run the pipeline on it, unless that was done with this company and this code.

    Raises
    ------
    UserError
        The pipeline says that the user can put something right.
    RunFailedError
        It failed otherwise.
    """
    began = time.monotonic()
    manifest = make_company(run)
    key = sha256_of([manifest, settings.code_version()])
    done = run.home / DONE
    if _read(done) == key:
        say(f"  {run.name}: nothing has changed since it was last run")
        return
    _command(run, PERENNIAL, "run")
    _write_counts(run)
    _write_oracle(run)
    write_json(done, key)
    say(f"  {run.name}: company and pipeline in {time.monotonic() - began:,.0f} s")


def make_company(run: Run) -> Any:
    """Make the company of a run where it is not there; return its manifest."""
    before = _manifest(run)
    _command(run, PERENNIAL, "demo", "ensure")
    manifest = _manifest(run)
    if before != manifest:
        _forget(run.home)
    return manifest


def _manifest(run: Run) -> Any:
    return _read(run.home / "demo" / "manifest.json")


def _read(path: Path) -> Any:
    """Return what an earlier run wrote; None where nothing is whole, so that it is run again."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def _forget(home: Path) -> None:
    """Remove the files of another company, because a home belongs to one company."""
    for path in home.iterdir():
        if path.name in ("demo", "truth"):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _write_counts(run: Run) -> None:
    """Write the distribution of each customer's purchases; where no model is published there is none to write."""
    target = run.home / COUNTS
    target.unlink(missing_ok=True)
    try:
        _command(run, sys.executable, "-m", "mining.purchase_counts", str(target))
    except UserError as error:
        if "No published lifetime value model" not in str(error):
            raise


def _write_oracle(run: Run) -> None:
    """Forecast as of the last delivered day, which takes seconds and is read by the proof alone."""
    options = read_options({}, run.environment)
    lives = simulate(get_world(options.world), options.customers, options.seed)
    write_oracle(lives, float(options.days), run.home / "truth")


def _command(run: Run, *words: str) -> None:
    run.home.mkdir(parents=True, exist_ok=True)
    result = subprocess.run(
        words,
        cwd=ROOT, env=run.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if result.returncode == 0:
        return
    said = "\n".join(result.stdout.strip().splitlines()[-TAIL:])
    message = f"{run.name}: {' '.join([Path(words[0]).name, *words[1:]])} ended with {result.returncode}.\n{said}"
    if result.returncode == 2:
        raise UserError(message)
    raise RunFailedError(message)
