"""Behavioural segments: time and memory for a million customers, and how often structureless customers get groups.

A structureless company has one season and one response to reduced prices. How often customers buy, for how long and for
how much varies without groups, from company to company by other laws, which are not those of the model: log-normal
rates and amounts, correlated with each other. Some small orders have a voucher, whoever places them.
"""

import datetime as dt
import math
import resource
import time
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.rows import Row, at_least, at_most
from mining.behaviour.contenders import CONTENDERS
from mining.behaviour.job import JOB
from mining.behaviour.training import LEAST_INDEX, train
from mining.store import PURCHASE_DAYS, FeatureSet, feature_set
from pipeline.base.model_files import Model

AS_OF = dt.date(2025, 12, 31)
DAYS = 1095
SIZE = 1_000_000
STRUCTURELESS, STRUCTURELESS_SIZE = 200, 2_000
LARGEST_SHARE = 0.05
VOUCHERS = 0.15
"""Share of the orders below the middling amount that have one."""
GIBIBYTES = 2**30
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Law(NamedTuple):
    """How customers of a company differ, and what all of them, or those of one kind, share.

    Attributes
    ----------
    pull
        Relative rate of each day, by kind (kinds, days).
    rate, amount
        Mean and standard deviation of the log of purchases a year, and of the mean amount.
    together
        Correlation of the two.
    yearly_leaving
        Rate of leaving.
    """

    pull: Floats
    rate: tuple[float, float]
    amount: tuple[float, float]
    together: float
    yearly_leaving: float


def structureless(seed: int) -> Law:
    """Return the law of a company without groups: its own season, sales, rates and amounts."""
    random = np.random.default_rng([seed, 0])
    return Law(
        _season(random.uniform(1, 4)) * _sale(random.uniform(1, 4))[None],
        (math.log(random.uniform(2, 8)), random.uniform(0.4, 1.0)),
        (math.log(random.uniform(10, 200)), random.uniform(0.3, 1.0)),
        random.uniform(-0.5, 0.5),
        random.uniform(0, 0.6),
    )


def two_kinds() -> Law:
    """Return the law of a company of two kinds of customers: those who buy at sales, and those who buy in December."""
    pull = np.concatenate([_season(1.0) * _sale(6.0), _season(6.0) * _sale(1.0)])
    return Law(pull, (math.log(4), 0.7), (math.log(40), 0.6), 0.2, 0.3)


def _season(december: float) -> Floats:
    return np.where(np.arange(DAYS) % 365 >= 335, december, 1.0)[None]


def _sale(strength: float) -> Floats:
    return np.where(is_sale(np.arange(DAYS)), strength, 1.0)


def is_sale(day: Ints) -> NDArray[np.bool_]:
    """Whether prices are reduced on these days: nine in every 73."""
    return np.asarray(day % 73 < 9)


def customers(law: Law, size: int, seed: int) -> tuple[FeatureSet, Ints]:
    """Return the purchase days of the customers of a law, and each one's kind; those who buy nothing have no rows."""
    random = np.random.default_rng([seed, 1])
    kind = random.integers(0, len(law.pull), size)
    draws = random.standard_normal((2, size))
    draws[1] = law.together * draws[0] + math.sqrt(1 - law.together**2) * draws[1]
    yearly, mean = (np.exp(at + by * draw) for (at, by), draw in zip((law.rate, law.amount), draws, strict=True))
    arrived = random.uniform(0, DAYS - 30, size)
    left = arrived + (random.exponential(365 / law.yearly_leaving, size) if law.yearly_leaving else DAYS)
    owner = np.repeat(np.arange(size), random.poisson(yearly * DAYS / 365))
    day = np.empty(len(owner), dtype=np.int64)
    for number, pull in enumerate(law.pull):
        of = kind[owner] == number
        clock = np.cumsum(pull) / pull.sum()
        day[of] = np.minimum(np.searchsorted(clock, random.random(int(of.sum()))), DAYS - 1)
    is_there = (day >= arrived[owner]) & (day < left[owner])
    rows = np.unique(owner[is_there] * DAYS + day[is_there])
    owner, day = np.divmod(rows, DAYS)
    names = pa.array(np.char.add("c", np.char.zfill(np.arange(size).astype(str), 8)))
    amount = random.gamma(4.0, mean[owner] / 4)
    has_voucher = (amount < np.exp(law.amount[0])) & (random.random(len(owner)) < VOUCHERS)
    table = pa.table({
        "as_of_date": pa.array(np.full(len(owner), np.datetime64(AS_OF))),
        "customer_id": names.take(pa.array(owner)),
        "purchase_date": pa.array(np.datetime64(AS_OF) - DAYS + 1 + day),
        "net_sales": pa.array(amount.round(2)),
        "is_discounted": pa.array(is_sale(day) | has_voucher),
    })  # fmt: skip
    return feature_set(table, AS_OF, "purchase_days", PURCHASE_DAYS.key), kind


def run() -> list[Row]:
    """Measure."""
    return [*million(), structureless_share()]


def structureless_share() -> Row:
    """Return how many structureless companies get groups, and from how many of them the usual clusterings would."""
    models = [train(customers(structureless(seed), STRUCTURELESS_SIZE, seed)[0]) for seed in range(STRUCTURELESS)]
    found = sum(model["is_published"] for model in models)
    peers = ", ".join(f"{name} {sum(passes(model, name) for model in models)}" for name in CONTENDERS)
    name = f"structureless companies of {STRUCTURELESS_SIZE:,} customers with behavioural segments"
    return at_most(LARGEST_SHARE, name, found / STRUCTURELESS, f"share of {STRUCTURELESS}", f"{peers} of them")


def passes(model: Model, contender: str) -> bool:
    """Whether a usual clustering is above the null's 95th percentile and comes out again."""
    figures = {figure["metric"]: figure["value"] for figure in model["model_metrics"]}
    index = figures.get(f"{contender}_bootstrap_index")
    return index is not None and index >= LEAST_INDEX and figures[f"{contender}_null_percentile"] > 0.95


def million() -> list[Row]:
    """Return the seconds to train and to score, and the memory; groups are published, or scoring would cost nothing."""
    features, _ = customers(two_kinds(), SIZE, seed=1)
    started = time.perf_counter()
    model = train(features)
    trained = time.perf_counter()
    assert model["is_published"], model["decision"]
    scored = JOB.score(features, model, {})["behaviour"]
    ended = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIBIBYTES
    return [
        at_most(120.0, "behavioural segments trained, 1m customers", trained - started, "s"),
        at_most(20.0, "behavioural segments scored, 1m customers", ended - trained, "s"),
        at_most(4.0, "behavioural segments, peak memory", peak, "GB"),
        at_least(0.5, "customers of 1m with a behavioural segment", float(scored["behaviour_id"].notna().mean()), ""),
    ]


if __name__ == "__main__":
    for measure in run():
        print(measure)
