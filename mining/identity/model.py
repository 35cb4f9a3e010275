"""The model of a day: that of an earlier day, or one that is trained on the day's own records.

Which one scores a day follows from its records and the models of earlier days, as for the jobs (`mining.jobs`). The
build trains where no model of earlier days scores it, such as the first build. `train_models` trains the next one
before the last is too old.
"""

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mining.identity.evidence import GUARDS
from mining.identity.scoring import Matcher
from mining.version import make_id, mining_code
from pipeline.base.attempt import Failure, attempt
from pipeline.base.errors import UserError
from pipeline.base.files import json_files, sha256_of, write_sealed
from pipeline.base.model_files import Model, day_of, read_model
from pipeline.base.scratch import spill_folder

if TYPE_CHECKING:
    import pyarrow as pa

JOB = "identity"
MODEL_DAYS = 91
"""A model scores the days after its own that are fewer than this away. After a new one, all pairs are scored again."""
TRAINED_AGAIN_AFTER = 84
"""Days after which `train_models`, which runs every week, trains the next model."""


class Given(NamedTuple):
    """What a build says of models beside the records: its variable `identity_model`.

    Attributes
    ----------
    home, models, state
        Folders: CRM_HOME, the models, what the last build scored.
    memory_gb
        The most memory of the session that compares records.
    held_by_at_most
        A value that more records hold identifies nobody.
    guards
        Those of `evidence.GUARDS` that forbid links.
    """

    home: str
    models: str
    state: str
    sources: list[str]
    code_version: str
    memory_gb: int
    held_by_at_most: int
    guards: list[str]

    def matcher(self, records: "pa.Table") -> Matcher:
        """Prepare records; temporary files are under CRM_HOME.

        Raises
        ------
        UserError
            There is no such guard.
        """
        if unknown := sorted(set(self.guards) - set(GUARDS)):
            raise UserError(
                f"identity.guards of dbt_project.yml names '{unknown[0]}': there is no such guard."
                f" Use some of {', '.join(GUARDS)}."
            )
        spill = spill_folder(Path(self.home))
        return Matcher(records, self.held_by_at_most, guards=self.guards, memory=f"{self.memory_gb}GB", spill=spill)

    def state_file(self, model: Model) -> Path:
        """Return where pairs are that this model scored with these guards."""
        return Path(self.state) / f"{model['model_version']}-{sha256_of(sorted(self.guards))[:8]}.duckdb"


def model_of_day(given: Given, as_of: dt.date, matcher: Matcher) -> Model | None:
    """Return the newest model of earlier days that scores the day, or its own; None where its records teach nothing."""
    newest = _newest(given, as_of)
    if newest and _age(newest, as_of) < MODEL_DAYS:
        return newest
    return _own_model(given, as_of, matcher)


def train_next(given: Given, as_of: dt.date, records: "pa.Table") -> dict[str, Any] | None:
    """Train the model of the days after `as_of`, where the one that scores them is old.

    Returns
    -------
    dict
        model_version, is_new and is_published, as `mining.jobs.train_models` has them; None where there is no model,
        because rules alone match the records.
    """
    newest = _newest(given, as_of + dt.timedelta(days=1))
    is_due = newest is not None and _age(newest, as_of) >= TRAINED_AGAIN_AFTER
    model = _own_model(given, as_of, given.matcher(records)) if is_due else newest
    return model and {"is_new": is_due, **{name: model[name] for name in ("model_version", "is_published")}}


def _newest(given: Given, before: dt.date) -> Model | None:
    """Return the newest model of days before one that was trained on the same sources, by the same code."""
    paths = [path for path in json_files(Path(given.models)) if day_of(path) < before.isoformat()]
    models = [model for path in paths if (model := read_model(path))]
    fitting = [model for model in models if model["sources"] == given.sources and model["mining_code"] == mining_code()]
    return max(fitting, key=lambda model: (model["as_of_date"], model["model_version"]), default=None)


def _age(model: Model, as_of: dt.date) -> int:
    return (as_of - dt.date.fromisoformat(model["as_of_date"])).days


def _own_model(given: Given, as_of: dt.date, matcher: Matcher) -> Model | None:
    """Return the model of the day's own records, which is trained once."""
    version = make_id(JOB, as_of, matcher.content(), given.sources, given.held_by_at_most)
    path = Path(given.models) / f"{version}.json"
    if path.is_file() and (known := read_model(path)):
        return known
    trained = attempt("training identity", matcher.train)
    if trained is None or isinstance(trained, Failure):
        return None
    model = {
        "job": JOB,
        "model_version": version,
        "as_of_date": as_of.isoformat(),
        "sources": given.sources,
        "mining_code": mining_code(),
        "code_version": given.code_version,
        "needs": {},
        "is_published": True,
        "model": trained,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_sealed(path, model)
    return model
