"""The oracle of a world: exact for `clean`, elsewhere an exact posterior and a simulated future.

Its only inputs are the history before the as-of day, the arms of the campaigns that have begun, and the world's laws.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demo.oracle import pareto_nbd
from demo.oracle.draws import posterior_draws
from demo.oracle.forecast import p_no_purchase, simulate_on
from demo.oracle.histories import Histories, observe, seen_persons
from demo.oracle.open_campaigns import open_campaigns
from demo.world.laws import World
from demo.world.lives import Lives
from demo.world.streams import stream

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HORIZON = 365
QUIET_DAYS = 28
SAMPLE = 5000
DRAWS = 256
CHUNK = 1000  # customers simulated at a time


@dataclass(frozen=True)
class Oracle:
    """The forecast of each customer, by person. Purchases are distinct local days with a purchase."""

    as_of_day: float
    horizon_days: int
    is_exact: bool
    person: Ints
    expected_purchases: Floats
    p_alive: Floats
    p_no_purchase_28d: Floats
    expected_value: Floats  # net value of goods, SGD
    count_person: Ints  # the customers of count_cdf
    count_cdf: Floats  # P(purchases <= k) for k = 0, 1, …; rows as count_person


def oracle(
    world: World,
    lives: Lives,
    as_of_day: float,
    sample: int = SAMPLE,
    *,
    seed: int | None = None,
    exact: bool | None = None,
) -> Oracle:
    """Forecast the year after the as-of day.

    Parameters
    ----------
    world : World
        The laws that the oracle knows.
    lives : Lives
        Only what was seen before the as-of day is used.
    as_of_day : float
        Midnight in days; 1096.0 is the end of 2025-12-31.
    sample : int
        Customers whose count distribution is given; outside the closed form, customers that are forecast at all.
    seed : int, optional
        Of the sample and the draws; the lives' seed by default.
    exact : bool, optional
        Use the closed form; by default where the world has one.

    Raises
    ------
    ValueError
        If the closed form is asked of a world without one, or the as-of day is not a midnight.
    """
    if as_of_day != int(as_of_day):
        raise ValueError(f"as_of_day is {as_of_day}: give a midnight, a whole number of days.")
    seed = lives.seed if seed is None else seed
    exact = world.is_plain if exact is None else exact
    if exact and not world.is_plain:
        raise ValueError(f"The world '{world.name}' has no closed form.")
    persons = seen_persons(lives, as_of_day)
    if not len(persons):
        return _no_customers(as_of_day, exact)
    chosen = persons
    if len(persons) > sample:
        chosen = np.sort(stream(seed, "oracle sample").choice(persons, sample, replace=False))
    if exact:
        return _exact(world, observe(lives, as_of_day, persons), chosen)
    return _simulated(world, lives, as_of_day, chosen, seed)


def _no_customers(as_of_day: float, is_exact: bool) -> Oracle:
    ids, values = np.empty(0, dtype=np.int64), np.empty(0)
    return Oracle(as_of_day, HORIZON, is_exact, ids, values, values, values, values, ids, np.empty((0, 1)))


def _exact(world: World, seen: Histories, chosen: Ints) -> Oracle:
    (latent,) = world.classes
    age, t_x = (seen.as_of_day - seen.first_at) / 7, (seen.last_at - seen.first_at) / 7
    given = pareto_nbd.posterior(latent, seen.repeats.astype(float), t_x, age)
    p = world.order_shape
    mean_spend = p * (latent.gamma + seen.spend) / (latent.q + p * seen.orders - 1)
    return Oracle(
        seen.as_of_day,
        HORIZON,
        True,
        seen.person,
        pareto_nbd.expected_purchase_days(given, HORIZON),
        given.p_alive,
        pareto_nbd.p_no_purchase(given, QUIET_DAYS),
        pareto_nbd.expected_purchases(given, HORIZON) * mean_spend,
        chosen,
        pareto_nbd.count_cdf(given.rows(np.searchsorted(seen.person, chosen)), HORIZON),
    )


def _simulated(world: World, lives: Lives, as_of_day: float, chosen: Ints, seed: int) -> Oracle:
    forecasts, alive, quiet = [], [], []
    for start in range(0, len(chosen), CHUNK):
        seen = observe(lives, as_of_day, chosen[start : start + CHUNK])
        chunk_seed = seed + 1_000_003 * (start // CHUNK)
        draws = posterior_draws(world, seen, DRAWS, chunk_seed)
        running = open_campaigns(world, seen, DRAWS, chunk_seed)
        forecasts.append(simulate_on(world, seen, draws, running, days=HORIZON, seed=chunk_seed))
        alive.append(draws.p_alive)
        quiet.append(p_no_purchase(world, seen, draws, running, days=QUIET_DAYS))
    width = max(forecast.count_cdf.shape[1] for forecast in forecasts)
    cdfs = [np.pad(f.count_cdf, ((0, 0), (0, width - f.count_cdf.shape[1])), constant_values=1.0) for f in forecasts]
    return Oracle(
        as_of_day,
        HORIZON,
        False,
        chosen,
        np.concatenate([forecast.expected_purchases for forecast in forecasts]),
        np.concatenate(alive),
        np.concatenate(quiet),
        np.concatenate([forecast.expected_value for forecast in forecasts]),
        chosen,
        np.concatenate(cdfs),
    )
