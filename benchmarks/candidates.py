"""All candidates on public data, beside what is published: `python -m benchmarks candidates`.

On each of three days the jobs are run as they would have been on that day, and every candidate is fitted on what was
known. What came after grades them: log loss of "no purchase in the horizon" by customer at risk, and squared error of
the purchases until the next of the three days. The interval of each row is that of the mean difference to the published
one, over resampled customers.

Of so many rows some lie beyond their 95 % interval by chance. So a candidate counts as better where its difference lies
below what all rows of all data sets together reach by chance in one of twenty such tables: the largest of their
differences over their errors, in the same resamples (max-t: Westfall & Young 1993, "Resampling-based multiple testing";
White 2000, "A reality check for data snooping", Econometrica 68), Bonferroni over data sets. The errors count, beside
the customers', by how much a candidate's difference varies from day to day.

CDNOW and Complete Journey are read where `perennial data` puts them, Online Retail II from the file that the variable
ONLINE_RETAIL_II names, and left out where it names none. Written to $CRM_HOME/candidates.json.
`python -m benchmarks.candidates cdnow` grades one of them.
"""

import datetime as dt
import os
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow.compute as pc
from rich.console import Console
from rich.table import Table
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.rows import Row, at_most
from mining.churn.candidates import fit_candidates
from mining.churn.evaluation import log_losses
from mining.churn.families import PURCHASE_ODDS
from mining.churn.features import BASELINE_INPUTS, FAMILY_OF, design, split_inputs
from mining.churn.job import JOB as CHURN
from mining.churn.model import CLIP, ChurnModel, fit, logistic_line, with_purchase_odds
from mining.churn.training import cut_offs, labelled
from mining.clv.holdout import expected_purchases, judge, naive_purchases
from mining.clv.job import JOB as CLV
from mining.clv.models import too_few
from mining.evaluation import Floats, resampled_sums
from mining.purchases.clock import history_of
from mining.purchases.rhythm import typical_gap
from mining.purchases.timing import fit_timing, learn_clock
from mining.store import FeatureSet
from pipeline.base.duck import quote_literal
from pipeline.base.files import write_json
from pipeline.base.settings import every_source, load_settings
from pipeline.onboarding.first_look.look import first_look

HORIZON = 28
DAYS = 3
"""Days on which the jobs are run."""
APART = 84
"""Days between them, for purchases; for churn, `HORIZON`."""
SEED, RESAMPLES = 20050401, 1000
CHANCE = 0.05
"""Of the whole table, that chance alone calls some candidate better."""
PUBLISHED, ALL = "published", "all days"
OWN_RATE = "own rate so far (x/T)"
RECENCY = "recency alone, all cut-offs"
BOOSTED = "gradient boosting on the same inputs"
EARLIER = "logistic regression corrected on the last cut-off (before 2026-11)"
SMALLEST = 1e-12
"""Error of the difference between equal candidates."""
EARLIER_CUT_OFFS = 9
"""Cut-offs of a year that the model before purchase models learned from."""
LEAST = 0.01
"""Probabilities of the own rate are kept this far from 0 and 1, where its log loss would be infinite."""
ORDERS = {
    "cdnow": r"""
        select row_number() over () as order_id, 'C' || part[1] as customer_id,
            strptime(part[2], '%Y%m%d') as ordered_at, part[4]::decimal(18, 2) as total, 'USD' as currency
        from (
            select regexp_split_to_array(trim(line, E' \r'), '\s+') as part
            from read_csv({file}, delim = '|', quote = '', header = false, columns = {{'line': 'varchar'}})
        )
        where part[1] similar to '[0-9]+' and part[4]::decimal(18, 2) > 0
    """,
    "complete_journey": """
        select basket_id as order_id, 'C' || any_value(household_id) as customer_id,
            min(transaction_timestamp) as ordered_at, sum(sales_value)::decimal(18, 2) as total, 'USD' as currency
        from read_parquet({file}) group by basket_id having sum(sales_value) > 0
    """,
    "online_retail": """
        select "Invoice" as order_id, 'C' || any_value("Customer ID")::bigint as customer_id,
            min("InvoiceDate") as ordered_at, sum("Quantity" * "Price")::decimal(18, 2) as total, 'GBP' as currency
        from read_parquet({file}) where "Customer ID" is not null and "Invoice" not like 'C%'
        group by "Invoice" having sum("Quantity" * "Price") > 0
    """,
}
"""Orders of each data set, a row each."""

Losses = pd.DataFrame
"""A row for each customer, by customer_id; a column for each candidate. Without columns: nothing is published."""


def run(names: Collection[str] = tuple(ORDERS)) -> list[Row]:
    """Print and write the table; return how many candidates were better by more than chance, by data set."""
    settings = load_settings(every_source())
    files = {
        "cdnow": settings.data / "cdnow" / "CDNOW_master.txt",
        "complete_journey": settings.data / "complete_journey" / "transactions.parquet",
    }
    if named := os.environ.get("ONLINE_RETAIL_II"):
        files["online_retail"] = Path(named)
    files = {name: path for name, path in files.items() if name in names}
    found = [row for name, path in files.items() for row in _of_data(name, path, CHANCE / len(files))]
    _print(found)
    write_json(settings.home / "candidates.json", found)
    return [row for name in files for row in _summary(name, [row for row in found if row["data"] == name])]


def _summary(name: str, rows: list[dict[str, Any]]) -> list[Row]:
    """Of all rows of a data set, days and candidates, how many are better than the published one."""
    others = [row for row in rows if row["candidate"] != PUBLISHED]
    alone = sum(row["high"] < 0 for row in others)
    said = f"of {len(others)} rows; {alone} beyond their own 95 % interval, where chance puts {0.025 * len(others):.1f}"
    better = sum(row["verdict"] == "better" for row in others)
    return [at_most(0, f"candidates.{name}_better_than_published", better, "candidates", said)]


def _of_data(name: str, path: Path, chance: float) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="perennial-") as folder:
        file = Path(folder) / f"{name}.parquet"
        query = ORDERS[name].format(file=quote_literal(str(path)))
        duckdb.sql(f"copy ({query}) to {quote_literal(str(file))} (format parquet)")
        with first_look([str(file)], {"CRM_HOME": folder}) as look:
            look.write_features()
            as_of = look.plan.as_of
            features = {job: job.read(look.settings, as_of, look.plan.sources) for job in (CHURN, CLV)}
    days = cut_offs(features[CHURN], HORIZON)
    steps = range(1, DAYS + 1)
    losses = {("churn", days[k]): churn(as_of_day(features[CHURN], days[k]), features[CHURN]) for k in steps}
    ends = [features[CLV].as_of, *(days[k * APART // HORIZON] for k in steps if k * APART // HORIZON in days)]
    losses |= {("purchases", day): purchases(features[CLV], day, until) for until, day in pairwise(ends)}
    return graded(name, {key: loss for key, loss in losses.items() if len(loss.columns)}, chance)


def as_of_day(features: FeatureSet, day: dt.date) -> FeatureSet:
    """Return the features as they were on an earlier day."""
    return replace(features, as_of=day, table=features.table.filter(pc.less_equal(features.table["as_of_date"], day)))


def churn(known: FeatureSet, later: FeatureSet) -> Losses:
    """Log loss of each candidate by customer at risk on the day of `known`; the published one first."""
    trained = CHURN.train(known, {"horizon_days": HORIZON})
    parts = [labelled(known, day, HORIZON) for _, day in sorted(cut_offs(known, HORIZON).items(), reverse=True)]
    frame, outcome = labelled(later, known.as_of, HORIZON)
    if trained["model"] is None or not parts:
        return pd.DataFrame()
    training = pd.concat([part[0] for part in parts], ignore_index=True), np.concatenate([part[1] for part in parts])
    day = known.as_of
    timing = fit_timing(known.at(day), known.calendar(day), known.events(day))
    gap = typical_gap(training[0], HORIZON)
    usable, _ = split_inputs(training[0], gap)
    inputs = tuple(name for name in usable if not FAMILY_OF[name].is_screened)
    models = fit_candidates(training, timing, inputs, gap, HORIZON).models
    published = ChurnModel.from_json(trained["model"])
    predicted = {PUBLISHED: published.predict(frame)} | {name: model.predict(frame) for name, model in models.items()}
    rows, test = (with_purchase_odds(part, timing, HORIZON) for part in (training[0], frame))
    names = tuple(split_inputs(rows, gap)[0])
    names = tuple(name for name in names if not FAMILY_OF[name].is_screened)
    trees = HistGradientBoostingClassifier(max_iter=100, learning_rate=0.05, max_leaf_nodes=15, random_state=1)
    trees.fit(_matrix(rows, names, gap), training[1])
    predicted[BOOSTED] = trees.predict_proba(_matrix(test, names, gap))[:, 1]
    predicted[RECENCY] = fit(training, BASELINE_INPUTS, gap).predict(frame)
    own = np.exp(-naive_purchases(history_of(frame), HORIZON / 7))
    predicted[OWN_RATE] = np.clip(own, LEAST, 1 - LEAST)
    predicted[EARLIER] = _earlier(known, inputs, gap, frame)
    losses = {name: log_losses(outcome, p) for name, p in predicted.items()}
    return pd.DataFrame(losses, index=frame["customer_id"].to_numpy())


def _earlier(known: FeatureSet, inputs: tuple[str, ...], gap: float, frame: pd.DataFrame) -> Floats:
    """Predict as before there were purchase models: a line through the log-odds, learned on the last cut-off alone."""
    days = sorted(cut_offs(known, HORIZON).values())[-EARLIER_CUT_OFFS:]
    *parts, last = (labelled(known, day, HORIZON) for day in days)
    training = pd.concat([part[0] for part in parts], ignore_index=True), np.concatenate([part[1] for part in parts])
    model = fit(training, tuple(name for name in inputs if name != PURCHASE_ODDS), gap)
    slope, intercept = logistic_line(model.log_odds(last[0]), last[1])
    return np.clip(expit(intercept + slope * model.log_odds(frame)), CLIP, 1 - CLIP)


def _matrix(frame: pd.DataFrame, names: tuple[str, ...], gap: float) -> Floats:
    return np.column_stack(list(design(frame, names, gap).values()))


def purchases(features: FeatureSet, day: dt.date, until: dt.date) -> Losses:
    """Squared error of each candidate by customer known on the day; the published one first."""
    before = features.at(day)
    if too_few(before):
        return pd.DataFrame()
    judged = judge(before, features.at(until), learn_clock(before, features.calendar(day), features.events(day)))
    if judged.fitted.problem:
        return pd.DataFrame()
    expected = {PUBLISHED: judged.expected}
    expected |= {model.label: expected_purchases(judged, model) for model in judged.fitted.candidates}
    expected[OWN_RATE] = naive_purchases(history_of(before), judged.weeks)
    errors = {name: (values - judged.purchases) ** 2 for name, values in expected.items()}
    return pd.DataFrame(errors, index=judged.frame["customer_id"].to_numpy())


def graded(name: str, losses: Mapping[tuple[str, dt.date], Losses], chance: float) -> list[dict[str, Any]]:
    """Rows of each day and of all: mean loss of each candidate, and the interval of its difference to the published.

    Parameters
    ----------
    name
        Of the data set.
    losses
        What was forecast, and the day: the losses of each customer.
    chance
        That chance alone calls some of the rows better.
    """
    parts: dict[tuple[str, str], Losses] = {(what, str(day)): loss for (what, day), loss in losses.items()}
    for what in {what: None for what, _ in losses}:
        parts[what, ALL] = pd.concat([loss for (of, _), loss in losses.items() if of == what], join="inner")
    customers = pd.Index(sorted({customer for loss in losses.values() for customer in loss.index}))
    rows, columns = [], []
    for (what, day), loss in parts.items():
        place, number = customers.get_indexer(loss.index), len(customers)
        seen = np.bincount(place, minlength=number).astype(np.float64)
        for candidate in loss:
            gaps = (loss[candidate] - loss[PUBLISHED]).to_numpy()
            columns.append((np.bincount(place, gaps, number), seen))
            rows.append({
                "data": name, "what": what, "day": day, "customers": len(gaps), "candidate": candidate,
                "loss": round(float(loss[candidate].mean()), 6),
            })  # fmt: skip
    return [row | said for row, said in zip(rows, _intervals(np.array(columns), rows, chance), strict=True)]


def _intervals(columns: Floats, rows: list[dict[str, Any]], chance: float) -> Iterator[dict[str, Any]]:
    """Interval of each difference, and its verdict among all; `columns` (rows, 2, customers): sums and how many."""
    shape = columns.shape
    sums = resampled_sums(columns.reshape(-1, shape[2]), seed=SEED, resamples=RESAMPLES).reshape(RESAMPLES, *shape[:2])
    draws, found = sums[..., 0] / sums[..., 1], columns[:, 0].sum(axis=1) / columns[:, 1].sum(axis=1)
    error = np.maximum(draws.std(axis=0), SMALLEST)
    largest = float(np.quantile(np.max((found - draws) / error, axis=1), 1 - chance))
    error = np.hypot(error, _of_periods(found, error, rows))
    for gap, one, values in zip(found, error, draws.T, strict=True):
        low, high = (round(float(np.quantile(values, level)), 6) for level in (0.025, 0.975))
        verdict = "better" if gap < -largest * one else "worse" if gap > largest * one else ""
        yield {"low": low, "high": high, "verdict": verdict}


def _of_periods(found: Floats, error: Floats, rows: list[dict[str, Any]]) -> Floats:
    """Standard error of each row by what moves all customers of a period at once.

    By how much a candidate's differences vary between days beyond the error over customers (DerSimonian & Laird 1986,
    "Meta-analysis in clinical trials"): a model that expects less is the better one in every bad quarter.
    """
    result = np.zeros(len(rows))
    for pair in {(row["what"], row["candidate"]) for row in rows}:
        places = [place for place, row in enumerate(rows) if (row["what"], row["candidate"]) == pair]
        days = [place for place in places if rows[place]["day"] != ALL]
        weight = error[days] ** -2.0
        spread = float(weight @ (found[days] - weight @ found[days] / weight.sum()) ** 2) - (len(days) - 1)
        between = max(spread, 0.0) / max(weight.sum() - weight @ weight / weight.sum(), np.finfo(float).tiny)
        for place in places:
            result[place] = np.sqrt(between / (len(days) if rows[place]["day"] == ALL else 1))
    return result


def _print(rows: list[dict[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("data", "of", "day", "candidate", "loss", "less published, 95 %", ""):
        table.add_column(heading, justify="right" if heading == "loss" else "left")
    for row in rows:
        interval = "" if row["candidate"] == PUBLISHED else f"{row['low']:+.4f} to {row['high']:+.4f}"
        table.add_row(
            row["data"], row["what"], row["day"], row["candidate"], f"{row['loss']:.4f}", interval, row["verdict"]
        )  # fmt: skip
    Console(highlight=False, width=150).print(table)


if __name__ == "__main__":
    print(*run(sys.argv[1:] or tuple(ORDERS)), sep="\n")
