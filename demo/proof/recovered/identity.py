"""Identity: which records are the same person."""

import math

import numpy as np
import pandas as pd

from demo.proof.bounds import allowance
from demo.proof.people import record_pairs
from demo.proof.row import Row, judged
from demo.proof.statistics import pairwise_precision_recall
from demo.proof.trial import Trial
from demo.world.worlds import get_world

LEAST_PRECISION = 0.99
LEAST_RECALL, LEAST_RECALL_WITH_ERRORS = 0.99, 0.75
"""At the world's usual rate of errors. Where records have errors, exact rules cannot find every pair: an e-mail address
with a typo, a marketplace's masked one, a contact without any. DEMO_ERRORS does not lower the bound."""


def measure(trial: Trial) -> list[Row]:
    """Pairwise precision and recall over all records, and records that are not in the release.

    Precision: of the pairs of records that the warehouse calls one customer, those of one person. Recall: of the pairs
    of one person's records, those called one customer. Truth: `truth/records`; recovered: `customer_source_id` in
    contacts.duckdb. The naive baseline takes every record for a customer of its own: no pair, recall 0.
    """
    records = record_pairs(trial)
    precision, recall = pairwise_precision_recall(records["customer_id"], records["person_id"])
    least = LEAST_RECALL_WITH_ERRORS if get_world(trial.world).errors else LEAST_RECALL
    low = least - allowance(_error(records, recall), trial.customers)
    known = int(trial.value("select count(*) from truth.records"))
    customers, persons = records["customer_id"].nunique(), records["person_id"].nunique()
    note = f"{len(records):,} records, {persons:,} persons, {customers:,} customers"
    return [
        judged("identity: pairwise precision", precision, truth=1.0, low=LEAST_PRECISION, note=note),
        judged("identity: pairwise recall", recall, truth=1.0, naive=0.0, low=low),
        judged("identity: records without customer", float(known - len(records)), truth=0.0, low=0.0, high=0.0),
    ]


def _error(records: pd.DataFrame, recall: float) -> float:
    """Standard error of the recall over persons drawn at random: a ratio of sums, as in `statistics.ratio`."""
    if not math.isfinite(recall):
        return 0.0
    sizes = records.groupby(["person_id", "customer_id"]).size()
    together = (sizes * (sizes - 1) // 2).groupby(level="person_id").sum().to_numpy(float)
    totals = records.groupby("person_id").size().to_numpy(float)
    belonging = totals * (totals - 1) / 2
    return float(np.sqrt(np.sum((together - recall * belonging) ** 2)) / belonging.sum())
