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

from mining.clv import job as clv
from mining.clv.evaluation import cumulative
from mining.clv.models import history_of, read_scorer
from mining.clv.predictive import CountDistribution, count_distribution
from mining.clv.value import DAYS_PER_WEEK
from mining.jobs import scoring_model
from mining.store import newest_features
from pipeline.errors import UserError
from pipeline.files import write_parquet
from pipeline.settings import Settings, load_settings

NEGLIGIBLE = 1e-6
DIGITS = 8
CHUNK = 20_000
"""Customers at a time."""
SCHEMA = pa.schema({"customer_id": pa.string(), "purchases": pa.int32(), "probability_at_most": pa.float64()})


def purchase_counts(settings: Settings, days: int) -> tuple[dt.date, pa.Table]:
    """Return the as-of day of the newest features and the table described above, sorted by customer and purchases.

    Raises
    ------
    UserError
        There are no features, or no published model scores them.
    """
    as_of = newest_features(settings)
    features, model = scoring_model(settings, clv.JOB, as_of=as_of, sources=settings.sources)
    if model is None:
        raise UserError(
            f"No published lifetime value model scores {as_of} in {settings.models}: nothing to write. "
            "Run `make run`; `marts.model_runs` says why a model was refused."
        )
    frame = features.at(as_of)
    scorer = read_scorer(model["model"]).purchases
    parts = []
    for start in range(0, len(frame), CHUNK):
        part = frame.iloc[start : start + CHUNK]
        parts.append(_table(part["customer_id"], count_distribution(scorer, days / DAYS_PER_WEEK, history_of(part))))
    return as_of, pa.concat_tables(parts)


def _table(customers: pd.Series, counts: CountDistribution) -> pa.Table:
    reach = counts.width * (counts.probability.shape[1] - 1)
    upto = np.arange(int(reach.max()) + 1, dtype=np.float64)
    table = np.stack([cumulative(counts, np.full(len(customers), purchases)) for purchases in upto], axis=1)
    # The first number of purchases that reaches 1 closes a customer's rows.
    rows = 1 + np.sum(table < 1 - NEGLIGIBLE, axis=1)
    kept = upto[None, :] < rows[:, None]
    owner, purchases = np.nonzero(kept)
    return pa.table(
        {
            "customer_id": pa.array(customers).take(pa.array(owner)),
            "purchases": pa.array(purchases, pa.int32()),
            "probability_at_most": np.round(np.minimum(table[kept], 1.0), DIGITS),
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
        as_of, table = purchase_counts(settings, days)
        write_parquet(options.file, table)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{table.num_rows:,} rows, {days} days after {as_of}: {options.file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
