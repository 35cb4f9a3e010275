"""The whole distribution of a year's purchases: CRPS and probability integral transform, beside the oracle's."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import poisson

from demo.proof.bounds import ERRORS, near_oracle, over_naive
from demo.proof.recovered.clv import MODEL_WORLD, Forecast
from demo.proof.row import Row, does_not_apply, judged, refused
from demo.proof.runs import COUNTS
from demo.proof.statistics import Floats, crps_of_counts, difference, mean, pit_of_counts
from demo.proof.trial import Trial, literal

CRPS, PIT = "clv: CRPS of purchases", "clv: PIT, distance from uniform"
CRPS_SHARE, ELSEWHERE, PIT_TOLERANCE = 1.03, 1.04, 0.02
NEAREST = ("clean", "retail", "null")
POINTS = np.linspace(0.05, 0.95, 19)


@dataclass(frozen=True)
class Counts:
    """P(X ≤ k) of persons with one customer of their own, k along the second axis, and what they bought."""

    ours: Floats
    oracle: Floats | None
    naive: Floats
    actual: Floats


def read_counts(trial: Trial, found: Forecast) -> Counts | None:
    """Return the distributions of the persons of the oracle's sample (of all, where there is no oracle).

    None where `python -m mining.purchase_counts` has written none. The naive one is Poisson at the own rate so far.
    """
    path = trial.home / COUNTS
    if not path.is_file():
        return None
    single = found.single.sampled if trial.has_truth("oracle_counts") else found.single
    wanted = pd.DataFrame({"person_id": single.frame["person_id"], "place": np.arange(len(single.frame))})
    trial.connection.register("wanted", wanted)
    ours = trial.query(
        "select wanted.place, counts.purchases as k, counts.probability_at_most as p from wanted"
        f" inner join owners using (person_id) inner join read_parquet({literal(path)}) as counts using (customer_id)"
    )
    oracle = None
    if trial.has_truth("oracle_counts"):
        oracle = trial.query(
            "select wanted.place, counts.k, counts.probability_at_most as p from wanted"
            " inner join truth.oracle_counts as counts using (person_id)"
        )
    trial.connection.unregister("wanted")
    actual = single.column("purchases")
    size = int(max(ours["k"].max(), actual.max(), 0 if oracle is None else oracle["k"].max())) + 1
    has_oracle = np.ones(len(actual), bool)
    if oracle is not None:
        has_oracle = np.isin(np.arange(len(actual)), oracle["place"].unique())
    return Counts(
        _matrix(ours, len(actual), size)[has_oracle],
        None if oracle is None else _matrix(oracle, len(actual), size)[has_oracle],
        np.asarray(poisson.cdf(np.arange(size), single.column("naive")[:, None]), dtype=np.float64)[has_oracle],
        actual[has_oracle],
    )


def _matrix(rows: pd.DataFrame, persons: int, size: int) -> Floats:
    """Rows of (place, k, p) as a matrix; 1 beyond a person's last row."""
    table = np.ones((persons, size))
    table[rows["place"].to_numpy(int), rows["k"].to_numpy(int)] = rows["p"].to_numpy(float)
    return table


def measure(trial: Trial, found: Forecast | None) -> list[Row]:
    """CRPS (within 3 % of the oracle's in `clean`, `retail` and `null`, 4 % elsewhere) and PIT.

    Over the persons of the oracle's sample with one customer of their own.
    """
    if found is None:
        decision = trial.decision("clv")[1]
        return [refused(CRPS, decision), refused(PIT, decision)]
    counts = read_counts(trial, found)
    if counts is None:
        problem = "a model is published, but python -m mining.purchase_counts wrote nothing"
        return [Row(CRPS, ok=False, note=problem), Row(PIT, ok=False, note=problem)]
    if not len(counts.actual):
        reason = "no person has one customer of their own"
        return [does_not_apply(CRPS, reason), does_not_apply(PIT, reason)]
    ours, naive = crps_of_counts(counts.ours, counts.actual), crps_of_counts(counts.naive, counts.actual)
    theirs = crps_of_counts(counts.oracle, counts.actual) if counts.oracle is not None else np.empty(0)
    if len(theirs):
        share = CRPS_SHARE if trial.world in NEAREST else ELSEWHERE
        high = near_oracle(share, ours, theirs, mean(ours), trial.customers)
    else:
        high = mean(naive) + over_naive(difference(ours, naive).error, trial.customers)
    note = f"{len(counts.actual):,} persons with one customer of their own; naive: Poisson at the own rate"
    first = judged(CRPS, mean(ours), oracle=mean(theirs), naive=mean(naive), high=high, note=note)
    return [first, _pit(counts, is_bound=trial.world == MODEL_WORLD and counts.oracle is not None)]


def _pit(counts: Counts, *, is_bound: bool) -> Row:
    """Largest distance of the mean transform from uniform: 0 where the whole distribution is right.

    A point of it is a share of the sampled persons, with a standard error of at most 1/(2 √n) in a company of any size.
    """
    distance = {
        name: float(np.max(np.abs(pit_of_counts(table, counts.actual, POINTS) - POINTS)))
        for name, table in (("ours", counts.ours), ("oracle", counts.oracle), ("naive", counts.naive))
        if table is not None
    }
    high = PIT_TOLERANCE + ERRORS / (2 * math.sqrt(len(counts.actual)))
    return judged(
        PIT, distance["ours"], truth=0.0, oracle=distance.get("oracle"), naive=distance["naive"],
        high=high if is_bound else None,
    )  # fmt: skip
