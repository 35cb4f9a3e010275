"""Ids of runs and of models are functions of content: equal features, model and mining code give an equal id.

Apart from `store`, so that a step of dbt needs neither NumPy nor pandas for it.
"""

import datetime as dt
from functools import cache
from typing import Any

from pipeline.base.files import sha256_of, sha256_of_tree
from pipeline.base.settings import ROOT

MODEL_CODE = (
    "mining",
    "dbt_project/macros",
    "dbt_project/seeds",
    *(f"dbt_project/models/{n}" for n in ("intermediate", "core", "features")),
)
"""Folders whose code says what a feature means and what a model makes of it."""


@cache
def mining_code() -> str:
    """SHA-256 (16 digits) of mining and of the SQL behind the features: a model is used only by what trained it."""
    return sha256_of_tree(ROOT, MODEL_CODE, (".py", ".sql", ".csv"))[:16]


def make_id(job: str, as_of: dt.date, *content: Any) -> str:
    """Id of a run or of a model: equal content gives an equal id."""
    return f"{job}-{as_of}-{sha256_of([mining_code(), *content])[:12]}"
