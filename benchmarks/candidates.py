"""All candidates on public data, beside what is published: `python -m benchmarks candidates`.

On each of three days the jobs are run as they would have been on that day, and every candidate is fitted on what was
known. What came after grades them: log loss of "no purchase in the horizon" by customer at risk, and squared error of
the purchases until the next of the three days. The interval is that of the mean difference to the published one, over
resampled customers: a candidate whose interval lies below 0 was better by more than chance.

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
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow.compute as pc
from rich.console import Console
from rich.table import Table
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.rows import Row, at_most
from mining.churn.candidates import fit_candidates
from mining.churn.features import BASELINE_INPUTS, FAMILY_OF, design, split_inputs
from mining.churn.job import JOB as CHURN
from mining.churn.model import ChurnModel, fit, with_purchase_odds
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
PUBLISHED = "published"
OWN_RATE = "own rate so far (x/T)"
RECENCY = "recency alone, all cut-offs"
BOOSTED = "gradient boosting on the same inputs"
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

Losses = dict[str, Floats]


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
    found = [row for name, path in files.items() for row in _of_data(name, path)]
    _print(found)
    write_json(settings.home / "candidates.json", found)
    return [
        at_most(
            0, f"candidates.{name}_better_than_published",
            sum(row["data"] == name and row["high"] < 0 for row in found), "candidates",
            f"of {sum(row['data'] == name for row in found)}",
        )
        for name in files
    ]  # fmt: skip


def _of_data(name: str, path: Path) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="perennial-") as folder:
        file = Path(folder) / f"{name}.parquet"
        query = ORDERS[name].format(file=quote_literal(str(path)))
        duckdb.sql(f"copy ({query}) to {quote_literal(str(file))} (format parquet)")
        with first_look([str(file)], {"CRM_HOME": folder}) as look:
            look.write_features()
            as_of = look.plan.as_of
            features = {job: job.read(look.settings, as_of, look.plan.sources) for job in (CHURN, CLV)}
    days = cut_offs(features[CHURN], HORIZON)
    for k in range(1, DAYS + 1):
        yield from _graded(name, "churn", days[k], churn(as_of_day(features[CHURN], days[k]), features[CHURN]))
    step = APART // HORIZON
    for k in range(1, DAYS + 1):
        if k * step in days:
            until = days.get((k - 1) * step, features[CLV].as_of)
            yield from _graded(name, "purchases", days[k * step], purchases(features[CLV], days[k * step], until))


def as_of_day(features: FeatureSet, day: dt.date) -> FeatureSet:
    """Return the features as they were on an earlier day."""
    return replace(features, as_of=day, table=features.table.filter(pc.less_equal(features.table["as_of_date"], day)))


def churn(known: FeatureSet, later: FeatureSet) -> Losses:
    """Log loss of each candidate by customer at risk on the day of `known`; the published one first."""
    trained = CHURN.train(known, {"horizon_days": HORIZON})
    parts = [labelled(known, day, HORIZON) for _, day in sorted(cut_offs(known, HORIZON).items(), reverse=True)]
    frame, outcome = labelled(later, known.as_of, HORIZON)
    if trained["model"] is None or not parts:
        return {}
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
    return {name: -np.log(np.where(outcome == 1, p, 1 - p)) for name, p in predicted.items()}


def _matrix(frame: pd.DataFrame, names: tuple[str, ...], gap: float) -> Floats:
    return np.column_stack(list(design(frame, names, gap).values()))


def purchases(features: FeatureSet, day: dt.date, until: dt.date) -> Losses:
    """Squared error of each candidate by customer known on the day; the published one first."""
    before = features.at(day)
    if too_few(before):
        return {}
    judged = judge(before, features.at(until), learn_clock(before, features.calendar(day), features.events(day)))
    if judged.fitted.problem:
        return {}
    expected = {PUBLISHED: judged.expected}
    expected |= {model.label: expected_purchases(judged, model) for model in judged.fitted.candidates}
    expected[OWN_RATE] = naive_purchases(history_of(before), judged.weeks)
    return {name: (values - judged.purchases) ** 2 for name, values in expected.items()}


def _graded(name: str, what: str, day: dt.date, losses: Mapping[str, Floats]) -> Iterator[dict[str, Any]]:
    """Rows of one day: mean loss of each candidate, and the interval of its difference to the published one."""
    for candidate, loss in losses.items():
        gaps = loss - losses[PUBLISHED]
        sums = resampled_sums(np.stack([gaps]), seed=SEED, resamples=RESAMPLES)[:, 0] / len(gaps)
        low, high = (round(float(np.quantile(sums, level)), 6) for level in (0.025, 0.975))
        yield {
            "data": name, "what": what, "day": str(day), "customers": len(loss), "candidate": candidate,
            "loss": round(float(loss.mean()), 6), "low": low, "high": high,
        }  # fmt: skip


def _print(rows: list[dict[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("data", "of", "day", "candidate", "loss", "less published, 95 %", ""):
        table.add_column(heading, justify="right" if heading == "loss" else "left")
    for row in rows:
        verdict = "better" if row["high"] < 0 else "worse" if row["low"] > 0 else ""
        interval = "" if row["candidate"] == PUBLISHED else f"{row['low']:+.4f} to {row['high']:+.4f}"
        table.add_row(
            row["data"], row["what"], row["day"], row["candidate"], f"{row['loss']:.4f}", interval, verdict
        )  # fmt: skip
    Console(highlight=False, width=150).print(table)


if __name__ == "__main__":
    print(*run(sys.argv[1:] or tuple(ORDERS)), sep="\n")
