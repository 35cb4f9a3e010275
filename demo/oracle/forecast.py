"""Forecasts from posterior draws: every draw lives on under the world's law, and its purchase days are counted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from demo.clocks import hazard_clock, purchase_clock
from demo.laws import World
from demo.oracle.draws import Draws
from demo.oracle.histories import Histories
from demo.oracle.pareto_nbd import gauss
from demo.paths import Walkers, walk

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Forecast:
    """What is expected of each customer, dead or alive."""

    expected_purchases: Floats  # distinct days
    expected_value: Floats
    count_cdf: Floats  # P(purchase days <= k), (rows, k)


def simulate_on(world: World, seen: Histories, draws: Draws, days: int, seed: int) -> Forecast:
    """Simulate each draw for some days from the as-of day."""
    rows, count = draws.rate.shape
    n = rows * count
    walkers = Walkers(
        draws.latent_class.ravel(),
        draws.rate.ravel(),
        draws.hazard.ravel(),
        np.full(n, seen.as_of_day),
        np.repeat(seen.core_load, count),
        np.repeat(seen.encounter_load, count),
        draws.stages_passed.ravel(),
    )
    paths = walk(world, walkers, seen.as_of_day + days, seed, "oracle forecast")
    day = np.floor(paths.at)
    is_new_day = np.ones(len(day), dtype=bool)
    is_new_day[1:] = (np.diff(paths.walker) > 0) | (np.diff(day) > 0)
    purchases = np.bincount(paths.walker, minlength=n).reshape(rows, count)
    purchase_days = np.bincount(paths.walker[is_new_day], minlength=n).reshape(rows, count)
    chance = draws.p_alive[:, None] * draws.weight
    width = int(purchase_days.max(initial=0)) + 1
    cells = np.arange(rows)[:, None] * width + purchase_days
    pmf = np.bincount(cells.ravel(), weights=chance.ravel(), minlength=rows * width).reshape(rows, width)
    pmf[:, 0] += 1 - draws.p_alive
    return Forecast(
        (chance * purchase_days).sum(axis=1),
        (chance * purchases * mean_spend(world, seen, draws)).sum(axis=1),
        np.minimum(np.cumsum(pmf, axis=1), 1.0),
    )


def mean_spend(world: World, seen: Histories, draws: Draws) -> Floats:
    """Expected net value of an order of each draw, SGD: the draw's own with a copula, else its class's posterior mean."""
    if world.rank_correlations:
        return world.order_shape / draws.spend_rate
    p = world.order_shape
    q = np.array([latent.q for latent in world.classes])[draws.latent_class]
    gamma = np.array([latent.gamma for latent in world.classes])[draws.latent_class]
    return p * (gamma + seen.spend[:, None]) / (q + p * seen.orders[:, None] - 1)


def p_no_purchase(world: World, seen: Histories, draws: Draws, days: int) -> Floats:
    """Probability of no purchase in the next days: the density of the first one, integrated over the purchase clock."""
    nodes, weights = gauss(12)
    multiplier = (1 + seen.core_load + seen.encounter_load)[:, None]
    rate, hazard = world.gap_stages * draws.rate / 7, draws.hazard / 7 * multiplier
    missing = world.gap_stages - 1 - draws.stages_passed  # stages before the last one
    stage_constant = special.gammaln(missing + 1)
    buys = np.zeros(draws.rate.shape)
    for index in range(len(world.classes)):
        purchase, leaving = purchase_clock(world, index), hazard_clock(world, index)
        ends = purchase.at(np.array([seen.as_of_day, seen.as_of_day + days]))
        length = ends[1] - ends[0]
        moments = purchase.when(ends[0] + nodes * length)
        gone = leaving.at(moments) - leaving.at(np.array([seen.as_of_day]))
        total = np.zeros(draws.rate.shape)
        for elapsed, weight, risk in zip(nodes * length, weights * length, gone, strict=True):
            stages = special.xlogy(missing, rate * elapsed) - stage_constant - rate * elapsed
            total += weight * rate * np.exp(stages - hazard * risk)
        buys = np.where(draws.latent_class == index, total, buys)
    return 1 - draws.p_alive * (draws.weight * buys).sum(axis=1)
