"""Lifetime value: fit and score simulated customers with BG/NBD and Pareto/NBD, and compute a year's intervals."""

import time

import numpy as np

from benchmarks.rows import Row, at_most
from mining.clv.gamma_gamma import GammaGamma
from mining.clv.value import value_quantiles
from mining.purchases import BetaGeoNBD, ParetoNBD
from mining.purchases.history import History
from mining.purchases.models.base import PurchaseModel
from mining.purchases.models.simulation import simulate

BG_NBD, PARETO_NBD = (0.25, 4.4, 0.8, 2.4), (0.55, 10.6, 0.6, 11.7)
"""Parameters of the simulated customers, in weeks: those of CDNOW, about."""
WITH_INTERVALS = 2_500


def run() -> list[Row]:
    """Two years of weekly cohorts, recency at day grain."""
    return [
        _timed(BetaGeoNBD, BG_NBD, 1_000_000, "1m", bound=2.5),
        ten_million(),
        _timed(ParetoNBD, PARETO_NBD, 1_000_000, "1m", bound=5.0),
        _intervals(),
    ]


def ten_million() -> Row:
    """Return the seconds of BG/NBD for ten million customers."""
    return _timed(BetaGeoNBD, BG_NBD, 10_000_000, "10m", bound=15.0)


def customers(kind: type[PurchaseModel], parameters: tuple[float, ...], size: int) -> History:
    """Customers whose T is a whole number of weeks and whose purchases fall on days."""
    history, _ = simulate(kind.name, parameters, size, seed=1, weeks=(4, 104))
    days = np.ceil(history.t_x * 7)
    weeks = np.ceil(history.T)
    return History(history.x, np.minimum(days / 7, weeks), weeks)


def fit_and_score(kind: type[PurchaseModel], history: History) -> float:
    """Seconds of processor time to fit, and to compute everybody's P(alive) and purchases of a year ahead."""
    started = time.process_time()
    model = kind().fit(*history)
    model.p_alive(*history)
    model.expected_purchases(52, *history)
    seconds = time.process_time() - started
    assert model.is_converged_
    return seconds


def _timed(kind: type[PurchaseModel], parameters: tuple[float, ...], number: int, size: str, *, bound: float) -> Row:
    seconds = fit_and_score(kind, customers(kind, parameters, number))
    return at_most(bound, f"clv.{kind.name}_fit_and_score_{size}_customers", seconds, "s")


def _intervals() -> Row:
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
