"""The oracle as tables of `$CRM_HOME/truth/`: one row per person, and one per person and count."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from demo.oracle.classes import classes_table
from demo.oracle.oracle import Oracle, oracle
from demo.world.lives import Lives
from pipeline.base.files import write_parquet

DIGITS = 9  # sums of doubles are published rounded
CERTAIN = 1 - 1e-6  # counts are listed until they are as likely as this


def write_oracle(lives: Lives, as_of_day: float, folder: Path) -> None:
    """Forecast from the history up to a midnight, and write oracle.parquet and oracle_counts.parquet.

    Where the world has classes, oracle_classes.parquet says which one each history most probably comes from.
    """
    forecast = oracle(lives.world, lives, as_of_day)
    write_parquet(folder / "oracle.parquet", oracle_table(forecast))
    write_parquet(folder / "oracle_counts.parquet", counts_table(forecast))
    if len(lives.world.classes) > 1:
        write_parquet(folder / "oracle_classes.parquet", classes_table(lives, as_of_day))


def oracle_table(forecast: Oracle) -> pa.Table:
    """Return person_id and what is expected of each person."""
    forecasts = {
        name: np.round(getattr(forecast, name), DIGITS)
        for name in ("expected_purchases", "p_alive", "p_no_purchase_28d", "expected_value")
    }
    is_exact = np.full(len(forecast.person), forecast.is_exact)
    return pa.table({"person_id": forecast.person, **forecasts, "is_exact": is_exact})


def counts_table(forecast: Oracle) -> pa.Table:
    """Return person_id, k, probability_at_most: P(purchase days in the horizon <= k), up to where it is certain."""
    cdf = forecast.count_cdf
    before = np.concatenate((np.zeros((len(cdf), 1)), cdf[:, :-1]), axis=1)
    row, k = np.nonzero(before < CERTAIN)
    return pa.table(
        {
            "person_id": forecast.count_person[row],
            "k": k.astype(np.int32),
            "probability_at_most": np.round(cdf[row, k], DIGITS),
        }
    )
