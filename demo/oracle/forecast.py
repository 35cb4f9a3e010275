"""Forecasts from posterior draws: every draw lives on under the world's law, and its purchase days are counted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from demo.oracle.draws import Draws
from demo.oracle.histories import Histories, weighted_counts
from demo.oracle.open_campaigns import OpenCampaign, extra_purchases
from demo.oracle.pareto_nbd import gauss
from demo.world.clocks import hazard_clock, purchase_clock
from demo.world.laws import World
from demo.world.paths import Walkers, walk

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Forecast:
    """What is expected of each customer, dead or alive."""

    expected_purchases: Floats  # distinct days
    expected_value: Floats
    count_cdf: Floats  # P(purchase days <= k), (rows, k)


def simulate_on(
    world: World, seen: Histories, draws: Draws, running: list[OpenCampaign], *, days: int, seed: int
) -> Forecast:
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
    end_day = seen.as_of_day + days
    paths = walk(world, walkers, end_day, seed, "oracle forecast")
    extra, extra_at = extra_purchases(world, walkers, paths.left_at, running, end_day=end_day, seed=seed)
    walker = np.concatenate((paths.walker, extra))
    day = np.floor(np.concatenate((paths.at, extra_at)) - seen.as_of_day).astype(np.int64)
    purchases = np.bincount(walker, minlength=n).reshape(rows, count)
    key = np.sort(walker * days + day, kind="stable")
    key = key[np.diff(key, prepend=-1) > 0]
    purchase_days = np.bincount(key // days, minlength=n).reshape(rows, count)
    chance = draws.p_alive[:, None] * draws.weight
    width = int(purchase_days.max(initial=0)) + 1
    cells = np.arange(rows)[:, None] * width + purchase_days
    pmf = weighted_counts(cells.ravel(), chance.ravel(), rows * width).reshape(rows, width)
    pmf[:, 0] += 1 - draws.p_alive
    return Forecast(
        (chance * purchase_days).sum(axis=1),
        (chance * purchases * draws.mean_spend).sum(axis=1),
        np.minimum(np.cumsum(pmf, axis=1), 1.0),
    )


def p_no_purchase(world: World, seen: Histories, draws: Draws, running: list[OpenCampaign], *, days: int) -> Floats:
    """Probability of no purchase in the next days: the density of the first one, integrated over the purchase clock."""
    buys = np.zeros(draws.rate.shape)
    for index in range(len(world.classes)):
        buys = np.where(
            draws.latent_class == index, _buys_within(world, seen, draws, running, days=days, index=index), buys
        )
    return 1 - draws.p_alive * (draws.weight * buys).sum(axis=1)


def _buys_within(
    world: World, seen: Histories, draws: Draws, running: list[OpenCampaign], *, days: int, index: int
) -> Floats:
    """Probability of each draw, were it of one class, to buy within some days."""
    purchase, leaving = purchase_clock(world, index), hazard_clock(world, index)
    response = world.classes[index].campaign_response
    multiplier = (1 + seen.core_load + seen.encounter_load)[:, None]
    rate, hazard = world.gap_stages * draws.rate / 7, draws.hazard / 7 * multiplier
    missing = world.gap_stages - 1 - draws.stages_passed  # stages before the last one
    ends = purchase.at(np.array([seen.as_of_day, seen.as_of_day + days]))
    nodes, weights = gauss(12)
    elapsed, steps = nodes * (ends[1] - ends[0]), weights * (ends[1] - ends[0])
    moments = purchase.when(ends[0] + elapsed)
    risks = leaving.at(moments) - leaving.at(np.array([seen.as_of_day]))
    total = np.zeros(draws.rate.shape)
    for moment, exposure, step, risk in zip(moments, elapsed, steps, risks, strict=True):
        factor, lifted = np.ones(rate.shape), np.full(rate.shape, exposure)
        for opened in running:
            lift = opened.campaign.lift * response * opened.is_treated
            factor += lift * opened.runs_at(moment)
            lifted += lift * opened.exposure(purchase, moment)
        stages = special.xlogy(missing, rate * lifted) - special.gammaln(missing + 1) - rate * lifted
        total += step * rate * factor * np.exp(stages - hazard * risk)
    return total
