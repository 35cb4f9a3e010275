"""Few customers, holes of a year, one price, one day, nobody left: every job answers, and what it says is true."""

import datetime as dt
import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pipeline.base.settings import Settings
from tests.support.builds.mined import AS_OF, mine, write_features

DATES = [AS_OF - dt.timedelta(days=days) for days in (28, 56, 84, 243)]
Bought = list[tuple[int, float]]
"""Days before the as-of day, and amounts."""
History = Callable[[Bought, int], Bought]

HISTORIES: dict[str, History] = {
    "as it comes": lambda bought, _: bought,
    "bought once": lambda bought, _: bought[:1],
    "one price": lambda bought, _: [(day, 9.99) for day, _ in bought],
    "one day": lambda bought, _: [(0, bought[0][1])],
    "two days": lambda *_: [(0, 5.0), (1, 5.0)],
    "everybody gone": lambda bought, _: [(day + 400, amount) for day, amount in bought],
    "gone for ten years": lambda bought, _: [(day + 3650, amount) for day, amount in bought],
    "a hole of a year": lambda bought, _: [(day if day < 100 else day + 400, amount) for day, amount in bought],
    "all purchases equal": lambda *_: [(day, 10.0) for day in range(0, 700, 28)],
    "negative totals": lambda bought, _: [(day, -amount) for day, amount in bought],
    "credits and purchases": lambda bought, n: [(day, amount if n % 2 else -amount) for day, amount in bought],
    "nothing paid": lambda bought, _: [(day, 0.0) for day, _ in bought],
    "huge amounts": lambda bought, _: [(day, amount * 1e8) for day, amount in bought],
    "six weeks": lambda bought, _: [(day % 42, amount) for day, amount in bought],
    "only in December": lambda bought, _: [(day % 31 + 366 * (day // 350), amount) for day, amount in bought],
    "a gap of three months": lambda bought, _: [(day, amount) for day, amount in bought if not 40 <= day < 130],
    "nobody leaves": lambda _, n: [(day, 5.0 + day % 3) for day in range(n % 28, 700, 28)],
    "one buys every day": lambda bought, n: bought if n else [(day, 5.0) for day in range(700) for _ in range(70)],
    "clockwork and rare": lambda _, n: [(day, 5.0) for day in range(0, 700, 28)] if n % 2 else [(715, 5.0), (300, 5.0)],
}


def purchases(name: str, customers: int) -> pd.DataFrame:
    random, rows = np.random.default_rng(7), []
    for number in range(customers):
        days = np.sort(random.choice(700, size=random.integers(2, 9), replace=False))
        bought = [(int(day), round(float(random.gamma(3.0) * 20) + 0.01, 2)) for day in days]
        rows += [(f"C{number:03}", day, amount) for day, amount in HISTORIES[name](bought, number)]
    frame = pd.DataFrame(rows, columns=["customer_id", "day", "amount"])
    return frame.assign(date=pd.Timestamp(AS_OF) - pd.to_timedelta(frame["day"], unit="D")).drop(columns="day")


def score(settings: Settings, features: pa.Table) -> dict[str, dict[str, list[dict[str, object]]]]:
    write_features(settings, features)
    return {
        job: {name: table.to_pylist() for name, table in written.items()} for job, written in mine(settings).items()
    }


def check_sentence(decision: str, bought: pd.DataFrame) -> None:
    """A refusal counts what is there."""
    assert not re.search(r"\bnan\b|\bNone\b|Error", decision), decision
    if said := re.search(r"(\d+) customers had bought on a second day by (\S+),", decision):
        days = bought[bought["date"] <= said[2]].groupby("customer_id")["date"].nunique()
        assert int(said[1]) == (days > 1).sum() < 50
    if said := re.search(r"(\d+) customers had bought for more than nothing by (\S+),", decision):
        days = bought[bought["date"] <= said[2]].groupby(["customer_id", "date"])["amount"].sum()
        assert int(said[1]) == (days > 0).groupby("customer_id").any().sum() < 50
    if said := re.search(r"(\d+) of the customers known on (\S+) bought again by", decision):
        known = bought[bought["date"] <= said[2]]["customer_id"].unique()
        later = bought[bought["date"] > said[2]]["customer_id"].unique()
        assert int(said[1]) == len(set(known) & set(later)) < 50


@pytest.mark.parametrize(
    ("name", "customers"),
    [
        *((name, 50) for name in HISTORIES),
        *((name, 1) for name in ("as it comes", "one day", "everybody gone", "negative totals", "all purchases equal")),
        *((name, 150) for name in ("a hole of a year", "clockwork and rare")),
    ],
)
def test_every_job_answers(
    settings: Settings, build_features: Callable[..., pa.Table], name: str, customers: int
) -> None:
    bought = purchases(name, customers)
    written = score(settings, build_features(bought, dates=DATES))
    for job, tables in written.items():
        assert [row["customer_id"] for row in tables[job]] == sorted(bought["customer_id"].unique())
        for run in tables.get("model_runs", []):
            assert run["failure"] is None, run["decision"]
            check_sentence(str(run["decision"]), bought)
    for table, number in (("winback", "p_return"), ("clv_sensitivity", "value_factor")):
        rows = written["clv"][table]
        assert {row["customer_id"] for row in rows} == set(bought["customer_id"])
        assert all((row[number] is None) == (row["unavailable_reason"] is not None) for row in rows)
    assert all(row["segment_name"] and row["unavailable_reason"] is None for row in written["segments"]["segments"])


def test_where_nobody_has_bought_for_a_year_everybody_has_lapsed(
    settings: Settings, build_features: Callable[..., pa.Table]
) -> None:
    written = score(settings, build_features(purchases("everybody gone", 20)))
    rows = written["segments"]["segments"]
    assert {row["tier"] for row in rows} == {"inactive"}
    assert {row["lifecycle_stage"] for row in rows} <= {"dormant", "lost"}
    assert {row["segment_name"] for row in rows} <= {"Lost", "Hibernating", "At risk", "Cannot lose"}
    assert {row["monetary_score"] for row in rows} == {1}
