"""`python -m mining.purchase_counts FILE`: how many purchases each customer will make, as a whole distribution.

Writes a Parquet file with one row per (customer_id, purchases): `probability_at_most` is P(X ≤ purchases) for the
purchase days X in the `--days` after the as-of day (default: the horizon of lifetime value). The rows of a customer run
from 0 to the first number whose probability is within 1e-6 of 1; beyond it the probability is 1. It reads the newest
features of CRM_HOME and the published model that scores them, and trains nothing. Marts hold the mean and three
quantiles of a customer's value; this is for those who judge the whole distribution (CRPS, PIT).
"""

import argparse
import datetime as dt
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from mining.blocks import block_file
from mining.clv.job import JOB as CLV
from mining.clv.models import Scorer, read_scorer
from mining.jobs import scoring_model
from mining.purchases.clock import history_of
from mining.purchases.history import DAYS_PER_WEEK, Floats, History
from mining.purchases.models.base import PurchaseModel
from mining.purchases.predictive import BINS, bin_widths
from mining.store import newest_features
from pipeline.base.errors import UserError
from pipeline.base.settings import Settings, load_settings

NEGLIGIBLE = 1e-6
DIGITS = 8
CHUNK = 10_000
"""Customers at a time."""
SCHEMA = pa.schema({"customer_id": pa.string(), "purchases": pa.int32(), "probability_at_most": pa.float64()})


def purchase_counts(settings: Settings, days: int, target: Path) -> tuple[dt.date, int]:
    """Write the table described above, sorted by customer and purchases; return the as-of day and how many rows.

    Raises
    ------
    UserError
        There are no features, or no published model scores them.
    """
    as_of, sources, rows = newest_features(settings), settings.sources, 0
    features, model = scoring_model(settings, CLV, as_of=as_of, sources=sources)
    if model is None:
        raise UserError(
            f"No published lifetime value model scores {as_of} in {settings.models}: nothing to write. "
            "Run `make run`; `marts.model_runs` says why a model was refused."
        )
    fitted = read_scorer(model["model"])
    weeks = fitted.clock.ahead(as_of).weeks(days / DAYS_PER_WEEK)
    with block_file(target, SCHEMA) as add:
        for part in CLV.parts(settings, as_of, sources, features):
            table = _of_customers(part.at(as_of), fitted, weeks)
            rows += table.num_rows
            add(table)
    return as_of, rows


def _of_customers(frame: pd.DataFrame, fitted: Scorer, weeks: float) -> pa.Table:
    scorer, history = fitted.purchases, history_of(frame, fitted.clock)
    customers = frame["customer_id"].to_numpy()
    width = bin_widths(scorer, weeks, history)
    tables = [SCHEMA.empty_table()]
    for size in np.unique(width):
        rows = np.flatnonzero(width == size)
        for start in range(0, len(rows), CHUNK):
            chosen = rows[start : start + CHUNK]
            some = History(*(column[chosen] for column in history))
            tables.append(_table(customers[chosen], _cumulative(scorer, weeks, some, int(size))))
    return pa.concat_tables(tables).sort_by([("customer_id", "ascending"), ("purchases", "ascending")])


def _cumulative(model: PurchaseModel, weeks: float, history: History, width: int) -> Floats:
    """P(X ≤ y) for y = 0, 1, … 63 width, shape (n, 63 width + 1); equal histories are computed once."""
    rows, position = model.given_alive(history)
    counts = np.arange((BINS - 1) * width + 1, dtype=np.float64)
    if_alive = np.cumsum(model.count_pmf_if_alive(weeks, rows, counts), axis=1)
    alive = model.alive(history)[:, None]
    return np.minimum(1.0 - alive + alive * if_alive[position], 1.0)


def _table(customers: NDArray[np.object_], probability: Floats) -> pa.Table:
    """Rows up to the first number of purchases whose probability is as good as 1, which closes a customer's rows."""
    rows = 1 + np.sum(probability < 1 - NEGLIGIBLE, axis=1)
    kept = np.arange(probability.shape[1])[None, :] < rows[:, None]
    owner, purchases = np.nonzero(kept)
    return pa.table(
        {
            "customer_id": pa.array(customers[owner], pa.string()),
            "purchases": pa.array(purchases, pa.int32()),
            "probability_at_most": np.round(probability[kept], DIGITS),
        },
        schema=SCHEMA,
    )


def main(arguments: list[str] | None = None) -> int:
    """Write the file and say what is in it."""
    parser = argparse.ArgumentParser(prog="python -m mining.purchase_counts", description=__doc__.split("\n\n")[0])
    parser.add_argument("file", type=Path, help="Parquet file to write")
    parser.add_argument("--days", type=int, help="days after the as-of day (default: CRM_CLV_HORIZON_DAYS)")
    options = parser.parse_args(arguments)
    try:
        settings = load_settings()
        days = settings.clv_horizon_days if options.days is None else options.days
        if days < 1:
            raise UserError(f"--days is {days}: give at least 1.")
        as_of, rows = purchase_counts(settings, days, options.file)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{rows:,} rows, {days} days after {as_of}: {options.file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
