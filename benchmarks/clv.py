"""Lifetime value: fit and score simulated customers with BG/NBD and Pareto/NBD, and compute a year's intervals."""

import time
from typing import Any

import numpy as np

from benchmarks.rows import at_most
from mining.clv.gamma_gamma import GammaGamma
from mining.clv.value import value_quantiles
from mining.purchases import BetaGeoNBD, ParetoNBD
from mining.purchases.history import History
from mining.purchases.models.base import PurchaseModel
from mining.purchases.models.simulation import simulate

CUSTOMERS = 1_000_000
WITH_INTERVALS = 2_500
PEERS = {
    "bg_nbd": "lifetimes 8.9 s, pymc-marketing (MAP) 7.1 s, clvkit 292 s for 1,000,000 customers",
    "pareto_nbd": "lifetimes 48.6 s, pymc-marketing (MAP) 12.4 s for 100,000 customers",
}


def run() -> list[dict[str, Any]]:
    """Two years of weekly cohorts, recency at day grain."""
    return [
        _fit_and_score(BetaGeoNBD, (0.25, 4.4, 0.8, 2.4), bound=7.0),
        _fit_and_score(ParetoNBD, (0.55, 10.6, 0.6, 11.7), bound=12.0),
        _intervals(),
    ]


def _customers(kind: type[PurchaseModel], parameters: tuple[float, ...]) -> History:
    """A million customers whose T is a whole number of weeks and whose purchases fall on days."""
    history, _ = simulate(kind.name, parameters, CUSTOMERS, seed=1, weeks=(4, 104))
    days = np.ceil(history.t_x * 7)
    weeks = np.ceil(history.T)
    return History(history.x, np.minimum(days / 7, weeks), weeks)


def _fit_and_score(kind: type[PurchaseModel], parameters: tuple[float, ...], *, bound: float) -> dict[str, Any]:
    history = _customers(kind, parameters)
    started = time.perf_counter()
    model = kind().fit(*history)
    model.p_alive(*history)
    model.expected_purchases(52, *history)
    seconds = time.perf_counter() - started
    assert model.is_converged_
    return at_most(bound, f"clv.{kind.name}_fit_and_score_1m_customers", seconds, "s", PEERS[kind.name])


def _intervals() -> dict[str, Any]:
    """Grocery shoppers, some of them with 300 purchase days."""
    history, _ = simulate("pareto_nbd", (1.4, 1.4, 0.5, 60.0), WITH_INTERVALS, seed=2, weeks=(50, 52))
    model, spend = ParetoNBD(), GammaGamma()
    model.params_ = {"r": 1.4, "alpha": 1.4, "s": 0.5, "beta": 60.0}
    spend.params_ = {"p": 0.5, "q": 3.8, "gamma": 220.0}
    days = history.x + 1
    started = time.perf_counter()
    value_quantiles(model, spend, (0.1, 0.5, 0.9), history, days, days * 30, horizon=52.0, rate=0.0018)
    return at_most(5.0, "clv.intervals_2500_grocery_shoppers", time.perf_counter() - started, "s")


if __name__ == "__main__":
    for measure in run():
        print(measure)
