"""Drafts a source in a scratch folder, lands it, and builds the project's models over it in memory."""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pipeline.base import settings as project
from pipeline.base.duck import connect
from pipeline.base.errors import UserError
from pipeline.base.numbers import counted
from pipeline.base.settings import Settings
from pipeline.build.dbt import build_variables
from pipeline.build.features import EXPORTED, why_nothing, write_features
from pipeline.build.models import Models
from pipeline.build.plan import Plan, holdout_start
from pipeline.onboarding.command import inspect
from pipeline.onboarding.draft.draft import Guess
from pipeline.onboarding.draft.guess import guess
from pipeline.onboarding.draft.notes import Note, write_notes
from pipeline.onboarding.draft.words import snake
from pipeline.onboarding.draft.write import make_files, save
from pipeline.onboarding.first_look.files import gather
from pipeline.onboarding.trial.dry_run import Outcome, land, outcome_of
from pipeline.sources.schema import NAME

LONGEST_NAME = 30
LEAST = 10
"""Purchases, without which there is nothing to say."""
LARGE = 300_000
"""Orders. Of more, features are computed on the days alone that a forecast is graded between."""
MEMORY, MEMORY_BESIDE_MINING = "500MB", "100MB"
"""Of DuckDB, which spills what is more; Python and its libraries need as much again."""


@dataclass(frozen=True)
class Look:
    """What is known of somebody's files, and the models over them.

    Attributes
    ----------
    name
        What the source would be called.
    files
        Names of the files, as they were given.
    guess, notes
        What the draft says of the tables, and what a person has to decide or look at.
    settings, plan
        Of a build in a scratch folder; mining reads and writes there.
    models
        The project's models over the landed files.
    outcome
        What a build would make of the rows.
    """

    name: str
    files: Sequence[str]
    guess: Guess
    notes: Sequence[Note]
    settings: Settings
    plan: Plan
    models: Models
    outcome: Outcome

    @property
    def is_large(self) -> bool:
        """Whether there are so many orders that models of each customer would take minutes."""
        return self.outcome.orders > LARGE

    def write_features(self) -> str | None:
        """Write the features that mining reads; return why there are none, where nobody has a purchase."""
        if self.is_large:
            first = date.fromisoformat(self.plan.first_event_date)
            start = holdout_start(self.plan.as_of, first, self.settings)
            self.models.variables["feature_dates"] = [str(start), self.plan.as_of_date]
        for table in ("fct_order", *EXPORTED):
            self.models.make(table)
        if not write_features(self.models.connection, self.settings, self.plan, schema="main"):
            return why_nothing(self.models.connection, self.plan.as_of_date, schema="main")
        self.models.connection.execute(f"checkpoint; set memory_limit = '{MEMORY_BESIDE_MINING}'")
        return None

    def score(self, results: Sequence[Mapping[str, Any]]) -> None:
        """Give the marts what the jobs of mining returned."""
        self.models.connection.execute(f"set memory_limit = '{MEMORY}'")
        self.models.variables |= build_variables(self.settings, self.plan, results)


@contextmanager
def first_look(files: Sequence[str], env: Mapping[str, str] = os.environ) -> Iterator[Look]:
    """Look at files as `new-source` and a build would. Nothing is left when the block ends.

    Raises
    ------
    UserError
        The files cannot be read, or have no sales; one sentence.
    """
    with tempfile.TemporaryDirectory(prefix="perennial-") as folder, project.sources_in(Path(folder)):
        scratch = Path(folder)
        name = name_of(files)
        try:
            guessed, notes = _draft(name, gather(files, scratch), scratch)
            settings, plan = land(name, scratch / "home", env)
            with closing(connect(scratch / "look.duckdb", spill=scratch / "spill")) as connection:
                connection.execute(f"set memory_limit = '{MEMORY}'; set enable_progress_bar = false")
                models = Models(connection, {**build_variables(settings, plan), "new_files": None})
                outcome = outcome_of(models, plan)
                names = [Path(file).name for file in files]
                _check_enough(", ".join(names), outcome)
                yield Look(name, names, guessed, notes, settings, plan, models, outcome)
        except UserError as error:
            raise UserError(_said(str(error), scratch)) from error


def name_of(files: Sequence[str]) -> str:
    """Return what a source of these files may be called."""
    path = Path(files[0]).expanduser().absolute()
    stem = path.name.split(".")[0] if len(files) == 1 else path.parent.name
    name = snake(stem)[:LONGEST_NAME].strip("_")
    return name if NAME.fullmatch(name) else "shop"


def _draft(name: str, place: str, scratch: Path) -> tuple[Guess, list[Note]]:
    found = inspect(place, scratch, scratch / "data")
    with closing(found.connection):
        found.connection.execute("set enable_progress_bar = false")
        guessed = guess(found)
        save(make_files(name, found, guessed))
        return guessed, write_notes(name, found, guessed)


def _check_enough(names: str, outcome: Outcome) -> None:
    if outcome.orders >= LEAST:
        return
    reasons = [fate for fate in outcome.fates if fate.reason]
    left = max(reasons, key=lambda fate: fate.rows, default=None)
    why = f" ({left.rows:,} rows were left out: {left.reason})" if left else ""
    raise UserError(
        f"{names} has {counted(outcome.orders, 'purchase')} that can be read{why}: a page needs {LEAST} or more. Name "
        "a longer export, or the file of the orders too; perennial new-source drafts a source of any size."
    )


def _said(text: str, scratch: Path) -> str:
    """Say it of the files that were named: a draft in the scratch folder is gone when the message is read."""
    said = text.removeprefix("FILE: ").replace(f"{scratch}/files/", "").replace(f"{scratch}/", "")
    rest = said.removeprefix("Nothing was written: ")
    return said if rest == said else rest[:1].upper() + rest[1:]
