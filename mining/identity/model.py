"""The model of a day: an earlier one, or one that is trained on the day's records."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mining.identity.scoring import Matcher
from mining.store import make_id, mining_code
from pipeline.base.attempt import Failure, attempt
from pipeline.base.files import json_files, write_sealed
from pipeline.base.model_files import read_model

JOB = "identity"
MODEL_DAYS = 91
"""Days that a model scores. A new one moves weights, and all pairs are scored anew."""


def model_of_day(folder: Path, build: Mapping[str, Any], matcher: Matcher) -> dict[str, Any] | None:
    """Return the newest model of the last days, or train one on the records; None where they teach nothing."""
    given, today = build["identity_model"], dt.date.fromisoformat(build["as_of_date"])
    known = [model for path in json_files(folder) if (model := read_model(path))]
    fitting = [
        model
        for model in known
        if model["sources"] == given["sources"]
        and model["mining_code"] == mining_code()
        and 0 <= (today - dt.date.fromisoformat(model["as_of_date"])).days < MODEL_DAYS
    ]
    if fitting:
        return max(fitting, key=lambda model: (model["as_of_date"], model["model_version"]))
    trained = attempt("training identity", matcher.train)
    if trained is None or isinstance(trained, Failure):
        return None
    version = make_id(JOB, today, matcher.content(), given["sources"], given["held_by_at_most"])
    model = {
        "job": JOB,
        "model_version": version,
        "as_of_date": today.isoformat(),
        "sources": given["sources"],
        "mining_code": mining_code(),
        "code_version": given["code_version"],
        "needs": {},
        "is_published": True,
        "model": trained,
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_sealed(folder / f"{version}.json", model)
    return model
