"""A finite mixture of purchase processes: components with their own rate, lifetime, season, response to prices, spend.

Within a component k, a customer buys at the rate lambda on a clock of its own and leaves at the rate mu, with lambda,
mu and the spend's rate nu drawn from gamma laws:

    purchases    a Poisson process of rate lambda * c_k(t), where
                 c_k(t) ~ season_k[cell(t)] * (1 - d(t) + price_k * d(t)),    d(t): share of purchases at a discount
    leaving      exponential with rate mu
    amounts      Gamma(p, nu), p shared by all components
    discounts    P(at a discount | day, amount) = price_k * b / (1 - b + price_k * b),
                 b: share of all purchases on such a day and of such an amount

lambda and nu integrate out, the time of leaving is integrated with Gauss-Legendre nodes between the last purchase and
now. This is the Pareto/NBD model (Schmittlein, Morrison and Colombo 1987) on a clock, with Gamma-Gamma spend (Fader and
Hardie 2013), as components of a mixture that is fitted by EM (Dempster, Laird and Rubin 1977), accelerated by SQUAREM
(Varadhan and Roland 2008).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from mining.behaviour.histories import Calendar, Floats, Histories, Ints

WEEK_DAYS = 7.0
_LEGENDRE = np.polynomial.legendre.leggauss(8)
NODES: Floats = (np.asarray(_LEGENDRE[0]) + 1) / 2
WEIGHTS: Floats = np.asarray(_LEGENDRE[1]) / 2
"""Gauss-Legendre on 0 to 1, for the time of leaving."""
PRIOR_PURCHASES = 100.0
"""Purchases by which a component's season and price response are shrunk to everybody's."""
TOLERANCE = 1e-5
"""Gain of the log likelihood per customer below which a fit has ended."""
LEAST_SHAPE, LARGEST_SHAPE = 0.05, 100.0


@dataclass(frozen=True)
class Parameters:
    """One row per component. Rates are per week.

    Attributes
    ----------
    share
        Of the customers (components,).
    rate, leaving, spend
        Shape and rate of the gamma laws of lambda, mu and nu (components, 2).
    season
        Relative rate in each cell of the calendar (components, cells).
    price
        Relative rate of purchases at a discount (components,).
    order_shape
        p of the amounts.
    """

    share: Floats
    rate: Floats
    leaving: Floats
    spend: Floats
    season: Floats
    price: Floats
    order_shape: float

    @property
    def components(self) -> int:
        """Number of components."""
        return len(self.share)

    def vector(self) -> Floats:
        """All of them as one vector without bounds."""
        parts = (self.share, self.rate, self.leaving, self.spend, self.season, self.price, [self.order_shape])
        return np.log(np.concatenate([np.ravel(part) for part in parts]))

    def like(self, vector: Floats) -> "Parameters":
        """Parameters of the same form from a vector."""
        k, values = self.components, np.exp(np.clip(vector, -20, 20))
        ends = np.cumsum([k, 2 * k, 2 * k, 2 * k, self.season.size, k])
        share, rate, leaving, spend, season, price, shape = np.split(values, ends)
        return Parameters(
            share / share.sum(), rate.reshape(k, 2), leaving.reshape(k, 2), spend.reshape(k, 2),
            season.reshape(self.season.shape), price, float(shape[0]),
        )  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return {name: np.asarray(value).round(9).tolist() for name, value in vars(self).items()}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Parameters":
        """Read what `as_json` gave."""
        arrays = {name: np.asarray(value, dtype=float) for name, value in stored.items() if name != "order_shape"}
        return cls(**arrays, order_shape=float(stored["order_shape"]))


@dataclass(frozen=True)
class Summary:
    """What the likelihood needs of histories.

    Attributes
    ----------
    histories
        The purchases.
    pattern
        Row of `repeats`, `first`, `last` of each customer (customers,). Customers with equal counts and days share one.
    repeats, first, last
        Purchases after the first one; the days of the first and the last (patterns,).
    spent, orders
        Sum and number of the amounts above zero (customers,).
    log_amounts
        Sum of the logs of these amounts.
    gone_at, log_weights
        Nodes of the time of leaving, and the logs of their weights (patterns, nodes).
    repeat_rows
        Rows of the purchases after each customer's first.
    """

    histories: Histories
    pattern: Ints
    repeats: Floats
    first: Floats
    last: Floats
    spent: Floats
    orders: Floats
    log_amounts: float
    gone_at: Floats
    log_weights: Floats
    repeat_rows: Ints

    @property
    def customers(self) -> int:
        """Number of customers."""
        return len(self.pattern)

    def by_pattern(self, values: Floats) -> Floats:
        """Sum a value of customers by pattern (patterns,)."""
        return np.asarray(np.bincount(self.pattern, values, len(self.repeats)), dtype=np.float64)


def summarise(histories: Histories, days: int) -> Summary:
    """Gather what the likelihood needs, as of the end of day `days` - 1."""
    starts, counts = histories.starts, histories.counts
    keys = np.stack([counts, histories.day[starts], histories.day[starts + counts - 1]], axis=1)
    patterns, pattern = np.unique(keys, axis=0, return_inverse=True)
    first, last = patterns[:, 1] + 0.5, patterns[:, 2] + 0.5
    has_amount = histories.amount > 0
    amounts = np.where(has_amount, histories.amount, 1.0)
    is_repeat = np.ones(len(histories.day), dtype=bool)
    is_repeat[starts] = False
    left = days - last
    return Summary(
        histories,
        pattern.ravel(),
        patterns[:, 0] - 1.0,
        first,
        last,
        histories.sums(np.where(has_amount, amounts, 0.0)),
        histories.sums(has_amount.astype(float)),
        float(np.log(amounts).sum()),
        last[:, None] + left[:, None] * NODES,
        np.log(np.maximum(left, 0.5) / WEEK_DAYS)[:, None] + np.log(WEIGHTS),
        np.flatnonzero(is_repeat),
    )


@dataclass(frozen=True)
class Expected:
    """Expectations under one component: log likelihood by customer, and what the M step needs.

    `rate` and `leaving` are E(lambda), E(log lambda) and the same of mu by pattern, `spend` that of nu by customer,
    each as two rows. `rate_alive` and `rate_gone` are lambda times the probability of being here now (patterns,), and
    of having gone at a node (patterns, nodes).
    """

    log_likelihood: Floats
    rate: Floats
    leaving: Floats
    spend: Floats
    rate_alive: Floats
    rate_gone: Floats


def clock(parameters: Parameters, component: int, calendar: Calendar) -> Floats:
    """A component's relative rate of each day, 1 on average over the calendar (days,)."""
    at_price = 1 - calendar.discounted + parameters.price[component] * calendar.discounted
    factors = parameters.season[component][calendar.cell] * at_price
    return np.asarray(factors / factors.mean(), dtype=np.float64)


def expect(seen: Summary, calendar: Calendar, parameters: Parameters, component: int) -> Expected:
    """Return the expectations of each customer, were it of this component."""
    (r, alpha), (s, beta), (q, gamma) = (getattr(parameters, name)[component] for name in ("rate", "leaving", "spend"))
    factors = clock(parameters, component, calendar)
    edges = np.concatenate(([0.0], np.cumsum(factors))) / WEEK_DAYS
    day = np.arange(calendar.days + 1.0)
    opened = np.interp(seen.first, day, edges)
    events = r + seen.repeats
    bought_now = np.log(alpha + edges[-1] - opened)
    bought_gone = np.log(alpha + np.interp(seen.gone_at, day, edges) - opened[:, None])
    lived_now = np.log(beta + (calendar.days - seen.first) / WEEK_DAYS)
    lived_gone = np.log(beta + (seen.gone_at - seen.first[:, None]) / WEEK_DAYS)
    common = special.gammaln(events) - special.gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    alive = -events * bought_now - s * lived_now
    gone = np.log(s) - events[:, None] * bought_gone - (s + 1) * lived_gone + seen.log_weights
    top = np.maximum(alive, gone.max(axis=1))
    p_alive, p_gone = np.exp(alive - top), np.exp(gone - top[:, None])
    total = p_alive + p_gone.sum(axis=1)
    p_alive, p_gone = p_alive / total, p_gone / total[:, None]
    rate_alive, rate_gone = p_alive * events * np.exp(-bought_now), p_gone * events[:, None] * np.exp(-bought_gone)
    shape = q + parameters.order_shape * seen.orders
    log_spend = np.log(gamma + seen.spent)
    spend = special.gammaln(shape) - special.gammaln(q) + q * np.log(gamma) - shape * log_spend
    timing = _timing(seen, parameters, component, factors)
    return Expected(
        (common + np.log(total) + top)[seen.pattern] + spend + timing,
        np.stack([
            rate_alive + rate_gone.sum(axis=1),
            special.digamma(events) - p_alive * bought_now - (p_gone * bought_gone).sum(axis=1),
        ]),
        np.stack([
            s * p_alive * np.exp(-lived_now) + (s + 1) * (p_gone * np.exp(-lived_gone)).sum(axis=1),
            p_alive * (special.digamma(s) - lived_now) + (p_gone * (special.digamma(s + 1) - lived_gone)).sum(axis=1),
        ]),
        np.stack([shape * np.exp(-log_spend), special.digamma(shape) - log_spend]),
        rate_alive,
        rate_gone,
    )  # fmt: skip


def _timing(seen: Summary, parameters: Parameters, component: int, factors: Floats) -> Floats:
    """Log of the relative rate at each repeat purchase, at its price, summed by customer."""
    rows, histories = seen.repeat_rows, seen.histories
    day, share = histories.day[rows], histories.expected_discount[rows]
    at_price = 1 - share + parameters.price[component] * share
    own_price = np.where(histories.is_discounted[rows], np.log(parameters.price[component]), 0.0)
    timing = np.log(factors[day] / at_price) + own_price
    return np.asarray(np.bincount(histories.customer[rows], timing, seen.customers), dtype=np.float64)


def e_step(seen: Summary, calendar: Calendar, parameters: Parameters) -> tuple[Floats, float, list[Expected]]:
    """Return the responsibilities (customers, components), the log likelihood, and the components' expectations."""
    expected = [expect(seen, calendar, parameters, k) for k in range(parameters.components)]
    log_joint = np.stack([of.log_likelihood for of in expected], axis=1) + np.log(parameters.share)
    total = special.logsumexp(log_joint, axis=1)
    constant = (parameters.order_shape - 1) * seen.log_amounts
    constant -= float(seen.orders.sum()) * special.gammaln(parameters.order_shape)
    return np.exp(log_joint - total[:, None]), float(total.sum() + constant), expected


def m_step(
    seen: Summary,
    calendar: Calendar,
    old: Parameters,
    responsible: Floats,
    expected: list[Expected],
    *,
    has_one_profile: bool = False,
) -> Parameters:
    """Return the parameters of the largest expected likelihood, seasons and prices shrunk to everybody's.

    With one profile they are everybody's.
    """
    weight = responsible.sum(axis=0)

    patterns = [seen.by_pattern(responsible[:, k]) for k in range(len(expected))]

    def gammas(name: str, weights: list[Floats]) -> Floats:
        means = [getattr(of, name) @ weights[k] / weight[k] for k, of in enumerate(expected)]
        return np.array([_gamma_law(*mean) for mean in means])

    log_spend = sum(float((responsible[:, k] * seen.orders) @ of.spend[1]) for k, of in enumerate(expected))
    orders = max(float(seen.orders.sum()), 1.0)
    prior = np.inf if has_one_profile else PRIOR_PURCHASES
    season, price = _profiles(seen, calendar, old, responsible, expected, prior)
    return Parameters(
        weight / weight.sum(), gammas("rate", patterns), gammas("leaving", patterns),
        gammas("spend", list(responsible.T)), season, price,
        _inverse_digamma((seen.log_amounts + log_spend) / orders),
    )  # fmt: skip


def _gamma_law(mean: float, log_mean: float) -> tuple[float, float]:
    """Shape and rate of the gamma law with a mean and a mean of logs (Minka 2002)."""
    gap = max(np.log(mean) - log_mean, 1e-6)
    shape = (3 - gap + np.sqrt((gap - 3) ** 2 + 24 * gap)) / (12 * gap)
    for _ in range(5):
        slope = 1 / shape - special.polygamma(1, shape)
        shape = 1 / (1 / shape + (-gap + np.log(shape) - special.digamma(shape)) / (shape**2 * slope))
    shape = float(np.clip(shape, LEAST_SHAPE, LARGEST_SHAPE))
    return shape, shape / mean


def _inverse_digamma(value: float) -> float:
    x = np.exp(value) + 0.5 if value > -2.22 else -1 / (value - special.digamma(1))
    for _ in range(5):
        x -= (special.digamma(x) - value) / special.polygamma(1, x)
    return float(np.clip(x, LEAST_SHAPE, LARGEST_SHAPE * 10))


def _profiles(  # noqa: PLR0917
    seen: Summary, calendar: Calendar, old: Parameters, responsible: Floats, expected: list[Expected], prior: float
) -> tuple[Floats, Floats]:
    """Purchases over exposure by cell of the year, and at a discount, relative to everybody's and shrunk to them."""
    rows, histories = seen.repeat_rows, seen.histories
    day, owner = histories.day[rows], histories.customer[rows]
    cell, is_low = calendar.cell[day], histories.is_discounted[rows]
    exposure = [_exposure(seen, calendar, old, responsible[:, k], of, k) for k, of in enumerate(expected)]
    bought = [np.bincount(cell, responsible[owner, k], calendar.cells) for k in range(len(expected))]
    low = [float(responsible[owner[is_low], k].sum()) for k in range(len(expected))]
    full, reduced = 1 - calendar.discounted, calendar.discounted
    by_day, by_amount = reduced[day], histories.expected_discount[rows]

    def by_cell(values: Floats) -> Floats:
        return np.asarray(np.bincount(calendar.cell, values, calendar.cells), dtype=np.float64)

    everybody = sum(exposure)
    common_price = float(sum(low)) / max(float(everybody @ reduced), 1e-9) if reduced.any() else 1.0
    common = (sum(bought) + 1e-9) / (by_cell(everybody * (full + common_price * reduced)) + 1e-9)
    common_price = (sum(low) + 1e-9) / (float((everybody * common[calendar.cell]) @ reduced) + 1e-9)
    season, price = np.empty_like(old.season), np.empty_like(old.price)
    for k, exposed in enumerate(exposure):
        at_price = full + old.price[k] * reduced
        level = bought[k].sum() / max(float((exposed * common[calendar.cell]) @ at_price), 1e-9)
        expected_of = by_cell(exposed * at_price) * common * level
        season[k] = common * _shrunk(bought[k], expected_of, prior)
        season[k] /= season[k].mean()
        at_season = exposed * season[k][calendar.cell]
        fair = (bought[k].sum() - low[k]) / max(float(at_season @ full), 1e-9)
        # Of these amounts, that many times as many purchases are at a discount as on these days.
        tilt = float(responsible[owner, k] @ by_amount) / max(float(responsible[owner, k] @ by_day), 1e-9)
        price[k] = common_price * _shrunk(low[k], fair * float(at_season @ reduced) * tilt * common_price, prior)
    return season, price


def _shrunk(counted: Any, expected: Any, prior: float) -> Any:
    """Counted over expected, shrunk to one by so many purchases."""
    return np.ones_like(counted) if np.isinf(prior) else (counted + prior) / (expected + prior)


def _exposure(  # noqa: PLR0917
    seen: Summary, calendar: Calendar, old: Parameters, responsible: Floats, of: Expected, component: int
) -> Floats:
    """Expected purchases of each day were the clock even: the rates of those who are there (days,)."""
    days = calendar.days
    weight = seen.by_pattern(responsible)
    begun = np.bincount(seen.first.astype(int), weight * (of.rate_alive + of.rate_gone.sum(axis=1)), days)
    ended = np.bincount(seen.gone_at.astype(int).ravel(), (weight[:, None] * of.rate_gone).ravel(), days)
    factors = old.season[component][calendar.cell]
    mean = (factors * (1 - calendar.discounted + old.price[component] * calendar.discounted)).mean()
    return np.asarray((np.cumsum(begun) - begun / 2 - np.cumsum(ended) + ended / 2) / WEEK_DAYS / mean)
