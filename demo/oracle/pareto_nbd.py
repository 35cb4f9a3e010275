"""The Pareto/NBD forecast in closed form, for the world `clean` (Schmittlein, Morrison & Colombo 1987).

Rate ~ Gamma(r, alpha), hazard ~ Gamma(s, beta), time in weeks. A customer with x repeat purchases, the last at age t_x,
is now of age T. If alive, rate and hazard are independent: Gamma(r + x, alpha + T) and Gamma(s, beta + T). The purchase
process is continuous; what is forecast is its number of distinct local days with a purchase, which is exact too.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from demo.world.laws import LatentClass

Floats = NDArray[np.float64]
DAY = 1 / 7
ALIVE_NODES = 48
TAIL = 1e-7
CHUNK = 50_000


@dataclass(frozen=True)
class Posterior:
    """P(alive), and the laws of rate and hazard if alive; one row per customer, time in weeks."""

    p_alive: Floats
    r: Floats
    alpha: Floats
    s: float
    beta: Floats

    def rows(self, chosen: NDArray[np.int64]) -> "Posterior":
        """The posterior of some customers."""
        return Posterior(self.p_alive[chosen], self.r[chosen], self.alpha[chosen], self.s, self.beta[chosen])


def gauss(count: int) -> tuple[Floats, Floats]:
    """Nodes and weights of Gauss-Legendre quadrature on (0, 1)."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (nodes + 1) / 2, weights / 2


def posterior(law: LatentClass, x: Floats, t_x: Floats, age: Floats) -> Posterior:
    """Condition on each customer's history: repeat purchases, age at the last, age."""
    parts = max(1, len(x) // CHUNK)
    odds = [_odds_dead(law, *part) for part in zip(*(np.array_split(a, parts) for a in (x, t_x, age)), strict=True)]
    return Posterior(1 / (1 + np.concatenate(odds)), law.r + x, law.alpha + age, law.s, law.beta + age)


def _odds_dead(law: LatentClass, x: Floats, t_x: Floats, age: Floats) -> Floats:
    """P(dead) / P(alive).

    The integral over the time of leaving t, from t_x to T, of s / (beta + t) * ((alpha + T) / (alpha + t))^(r + x) *
    ((beta + T) / (beta + t))^s. It is smooth in ((alpha + t_x) / (alpha + t))^(r + x).
    """
    r = law.r + x
    nodes, weights = gauss(ALIVE_NODES)
    lowest = ((law.alpha + t_x) / (law.alpha + age)) ** r
    y = lowest[:, None] + (1 - lowest)[:, None] * nodes
    left = (law.alpha + t_x)[:, None] * y ** (-1 / r[:, None])  # alpha + time of leaving
    integral = (1 - lowest) * ((left * (law.beta + left - law.alpha) ** (-law.s - 1)) @ weights)
    return law.s / r / lowest * (law.beta + age) ** law.s * integral


def expected_purchases(given: Posterior, days: int) -> Floats:
    """Expected number of purchases, several on a day counted each (equation 22 of the paper)."""
    mean_rate, gone = given.r / given.alpha, given.beta / (given.beta + days * DAY)
    return given.p_alive * mean_rate * given.beta / (given.s - 1) * (1 - gone ** (given.s - 1))


def expected_purchase_days(given: Posterior, days: int) -> Floats:
    """Expected number of distinct days with a purchase.

    The first purchase of day d falls at its moment u with density E[rate exp(-rate u)] E[exp(-hazard (d + u))]; sum
    over d by Euler-Maclaurin, integrate over u.
    """
    nodes, weights = gauss(3)
    total = np.zeros(len(given.r))
    for node, weight in zip(nodes * DAY, weights * DAY, strict=True):
        first = given.r / given.alpha * (given.alpha / (given.alpha + node)) ** (given.r + 1)
        total += weight * first * _sum_of_powers(given.beta, given.beta + node, given.s, days)
    return given.p_alive * total


def _sum_of_powers(scale: Floats, start: Floats, power: float, count: int) -> Floats:
    """The sum of (scale / (start + d * DAY))^power over d = 0 .. count - 1."""
    end = start + count * DAY
    integral = (end ** (1 - power) - start ** (1 - power)) / (1 - power) / DAY
    ends = (start**-power - end**-power) / 2
    slopes = power * DAY / 12 * (start ** (-power - 1) - end ** (-power - 1))
    return scale**power * (integral + ends + slopes)


def p_no_purchase(given: Posterior, days: int) -> Floats:
    """Probability of no purchase in the next days: one less the integral of the density of the first purchase."""
    nodes, weights = gauss(16)
    buys = np.zeros(len(given.r))
    for moment, weight in zip(nodes * days * DAY, weights * days * DAY, strict=True):
        first = given.r / given.alpha * (1 + moment / given.alpha) ** (-given.r - 1)
        buys += weight * first * (1 + moment / given.beta) ** -given.s
    return 1 - given.p_alive * buys


def count_cdf(given: Posterior, days: int) -> Floats:
    """P(distinct purchase days <= k) per customer (rows) for k = 0, 1, … (columns).

    If alive, the days lived are cut into cells, and rates are Gauss-Laguerre nodes of their gamma law; given both, the
    count is binomial.
    """
    highest = np.asarray(stats.nbinom.isf(TAIL, given.r, given.alpha / (given.alpha + days * DAY)), dtype=np.int64)
    highest = np.minimum(highest, days)
    cdf = np.ones((len(given.r), int(highest.max(initial=0)) + 1))
    order = np.argsort(highest, kind="stable")
    for rows in np.array_split(order, max(1, len(order) // 100)):
        if len(rows):
            top = int(highest[rows].max()) + 1
            cdf[rows, :top] = _part_of_cdf(given.rows(rows), days, top)
    return cdf


def _part_of_cdf(given: Posterior, days: int, top: int) -> Floats:
    edges = np.unique(np.concatenate((np.arange(0, 15), np.arange(15, days, 10), [days])))
    lived = np.append((edges[:-1] + edges[1:]) // 2, days)  # days with a chance to buy
    alive = (given.beta[:, None] / (given.beta[:, None] + edges * DAY)) ** given.s
    share = np.concatenate((-np.diff(alive, axis=1), alive[:, -1:]), axis=1)
    k = np.arange(top)
    ways = special.gammaln(lived + 1)[:, None] - special.gammaln(k + 1) - special.gammaln(lived[:, None] - k + 1)
    ways = np.where(k <= lived[:, None], ways, -np.inf)
    pmf = np.zeros((len(given.r), top))
    for rate, weight in _gamma_nodes(given.r, given.alpha):
        day_rate = rate * DAY
        odds = np.log(np.expm1(day_rate))  # of a day with a purchase against one without
        per_length = np.exp(ways[None] + k * odds[:, None, None] - (lived * day_rate[:, None])[:, :, None])
        pmf += weight[:, None] * np.einsum("ij,ijk->ik", share, per_length)
    return np.minimum(1 - given.p_alive[:, None] + given.p_alive[:, None] * np.cumsum(pmf, axis=1), 1.0)


def _gamma_nodes(shape: Floats, scale: Floats, count: int = 20) -> list[tuple[Floats, Floats]]:
    """Gauss nodes and weights of Gamma(shape, rate=scale), per customer, as `count` pairs of arrays."""
    nodes, weights = np.empty((len(shape), count)), np.empty((len(shape), count))
    for value in np.unique(shape):
        chosen = shape == value
        nodes[chosen], weights[chosen] = _standard_gamma_nodes(float(value), count)
    return [(nodes[:, i] / scale, weights[:, i]) for i in range(count)]


def _standard_gamma_nodes(shape: float, count: int) -> tuple[Floats, Floats]:
    """Golub & Welsch (1969): eigenvalues of the Jacobi matrix of the generalised Laguerre polynomials."""
    i = np.arange(count)
    off = np.sqrt(i[1:] * (i[1:] + shape - 1))
    values, vectors = np.linalg.eigh(np.diag(2 * i + shape) + np.diag(off, 1) + np.diag(off, -1))
    return values, vectors[0] ** 2
