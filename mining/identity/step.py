"""The step of a build: its pairs are scored, where its records can teach a model."""

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    import pyarrow as pa

LEAST_RECORDS = 1_000
"""Fewer are matched by rules alone: of so few, random pairs teach too little about chance agreements."""
CONTACTS = ("email", "phone", "loyalty_id", "street", "birth_date")
LEAST_CONTACTS = 2
"""Columns that some record has: a link takes two pieces of evidence."""


def scored_pairs(
    records: duckdb.DuckDBPyRelation, build: Mapping[str, Any]
) -> "tuple[pa.Table | None, pa.Table | None]":
    """Return the scored pairs of a build and the values that customers have once; None, None without a model.

    Parameters
    ----------
    records
        `int_party_records`.
    build
        Variables of the build: as_of_date, identity_model (`mining.identity.model.Given`).
    """
    said = build.get("identity_model")
    if not said:
        return None, None
    counted = records.aggregate(", ".join(["count(*)", *(f"count({column})" for column in CONTACTS)])).fetchall()[0]
    if counted[0] < LEAST_RECORDS or sum(count > 0 for count in counted[1:]) < LEAST_CONTACTS:
        return None, None
    # Arrow takes longer to import than the rest of a small build.
    from mining.identity.fields import READ  # noqa: PLC0415
    from mining.identity.model import Given, model_of_day  # noqa: PLC0415

    given = Given(**said)
    matcher = given.matcher(records.project(", ".join(READ)).to_arrow_table())
    model = model_of_day(given, dt.date.fromisoformat(build["as_of_date"]), matcher)
    if model is None:
        return None, None
    state = given.state_file(model)
    scored = matcher.score(model["model"], model["model_version"], state)
    for path in state.parent.iterdir():
        if path != state:
            path.unlink()
    return scored.pairs, scored.held
