"""Simulated customers of known parameters, event by event, for tests and benchmarks."""
# ruff: noqa: N806  T is the papers' notation

import numpy as np

from mining.purchases.history import Floats, History


def simulate(
    model: str, parameters: tuple[float, ...], size: int, *, seed: int, weeks: tuple[int, int], horizon: float = 0.0
) -> tuple[History, Floats]:
    """Simulate purchase histories and what follows.

    Parameters
    ----------
    model : {"pareto_nbd", "nbd_common_death", "nbd", "bg_nbd", "mbg_nbd"}
        Which story to tell.
    parameters : tuple of float
        In the order of the model's `parameter_names`, time in weeks.
    size, seed : int
        Number of customers, seed of the random numbers.
    weeks : tuple of int
        Shortest and longest time T under observation; each customer's is drawn, in whole days.
    horizon : float
        Weeks after T in which purchases are counted too.

    Returns
    -------
    history, later
        Histories in weeks, and purchases in (T, T + horizon], shape (size,).
    """
    random = np.random.default_rng(seed)
    r, alpha = parameters[:2]
    rate = random.gamma(r, 1 / alpha, size)
    T = random.integers(weeks[0] * 7, weeks[1] * 7 + 1, size) / 7
    x, t_x, later, now = (np.zeros(size) for _ in range(4))
    death, chance = np.full(size, np.inf), np.zeros(size)
    if model == "pareto_nbd":
        death = random.exponential(1 / random.gamma(parameters[2], 1 / parameters[3], size))
    elif model == "nbd_common_death":
        death = random.exponential(parameters[2], size)
    elif model in {"bg_nbd", "mbg_nbd"}:
        chance = random.beta(parameters[2], parameters[3], size)
    active = np.flatnonzero(random.random(size) >= (chance if model == "mbg_nbd" else 0.0))
    while len(active):
        now[active] += random.exponential(1.0, len(active)) / np.maximum(rate[active], 1e-12)
        active = active[now[active] < np.minimum(death, T + horizon)[active]]
        seen = active[now[active] <= T[active]]
        x[seen] += 1
        t_x[seen] = now[seen]
        later[active[now[active] > T[active]]] += 1
        active = active[random.random(len(active)) >= chance[active]]
    return History(x, t_x, T), later
