"""The lives of the customers of a world: who they are, what they buy, what fails, and when and why they leave.

Times are days since 2023-01-01T00:00+08:00. Every life goes on to a year after the window, whatever part of it the demo
company's systems deliver, so that nothing here depends on the day of delivery.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from demo.world.campaigns import Audience, Base, Extra, cents, run_campaigns
from demo.world.clocks import FIRST_DAY, outside_factor, price_pressure, purchase_clock
from demo.world.laws import HORIZON_DAYS, LEAVING_REASONS, WINDOW_DAYS, Campaign, World
from demo.world.paths import Paths, Walkers, by_class, draw_failures, loads, walk
from demo.world.streams import stream

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bytes = NDArray[np.int8]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Persons:
    """One row per person, in order of arrival. Rates and hazards are base values per week, spend is SGD without tax."""

    latent_class: Bytes  # index into world.classes
    rate: Floats
    hazard: Floats
    mean_spend: Floats
    arrived_at: Floats
    left_at: Floats  # inf: after the horizon
    leaving_reason: Bytes  # index into LEAVING_REASONS
    is_business: Bools


@dataclass(frozen=True)
class Purchases:
    """One row per purchase up to the horizon, sorted by (person, time)."""

    person: Ints
    at: Floats
    net_cents: Ints  # goods, without tax
    campaign: NDArray[np.int16]  # that caused it, index into world.campaigns; -1: none
    failure: Bytes  # index into FAILURES
    handled: Bytes  # index into HANDLING


@dataclass(frozen=True)
class Lives:
    """The lives of all customers of a simulated company."""

    world: World
    seed: int
    persons: Persons
    purchases: Purchases
    audience: Audience

    @property
    def campaigns(self) -> tuple[Campaign, ...]:
        """The campaigns that `campaign` numbers refer to."""
        return self.world.campaigns


@dataclass(frozen=True)
class _Traits:
    latent_class: Bytes
    rate: Floats
    hazard: Floats
    spend_rate: Floats


def simulate(world: World, customers: int, seed: int) -> Lives:
    """Simulate the lives of `customers` persons.

    Parameters
    ----------
    world : World
        The laws.
    customers : int
        Persons that arrive up to the end of the window.
    seed : int
        Equal arguments give equal lives.
    """
    arrived_at = _arrivals(world, customers, seed)
    traits = _draw_traits(world, customers, seed)
    first_failure, first_handled = draw_failures(world, traits.latent_class, seed, "arrival")
    core, encounter = loads(world.service, first_failure, first_handled)
    walkers = Walkers(
        traits.latent_class,
        traits.rate,
        traits.hazard,
        arrived_at,
        core,
        encounter,
        np.zeros(customers, dtype=np.int64),
    )
    paths = walk(world, walkers, float(HORIZON_DAYS), seed, "lives")
    purchases = _with_arrivals(arrived_at, first_failure, first_handled, paths)
    net_cents = cents(stream(seed, "order values"), world.order_shape, traits.spend_rate[purchases.person])
    base = Base(
        traits.latent_class,
        traits.rate,
        traits.spend_rate,
        _first_seen(purchases, customers),
        paths.left_at,
        purchases.person,
        purchases.at,
        net_cents,
    )
    audience, extra = run_campaigns(world, base, seed)
    return Lives(
        world,
        seed,
        Persons(
            traits.latent_class,
            traits.rate,
            traits.hazard,
            world.order_shape / traits.spend_rate,
            arrived_at,
            paths.left_at,
            _leaving_reasons(world, traits.latent_class, paths, seed),
            _businesses(world, customers, seed),
        ),
        _merge(purchases, net_cents, extra),
        audience,
    )


def _businesses(world: World, customers: int, seed: int) -> Bools:
    """A share of the persons buys for a business, one at least."""
    draw = stream(seed, "business").random(customers)
    return np.asarray(draw < max(world.business_share, float(draw.min(initial=1.0)) * (1 + 1e-12)), dtype=np.bool_)


def _arrivals(world: World, customers: int, seed: int) -> Floats:
    """First purchases: uniform on the first class's season over the window, or evenly over the years before it."""
    rng = stream(seed, "arrivals")
    clock = purchase_clock(world, 0)
    ends = clock.at(np.array([0.0, float(WINDOW_DAYS)]))
    arrived_at = clock.when(rng.uniform(ends[0], ends[1], customers))
    is_early = rng.random(customers) < world.early_share
    arrived_at[is_early] = -world.early_days * rng.random(int(is_early.sum()))
    return np.sort(arrived_at)


def _draw_traits(world: World, customers: int, seed: int) -> _Traits:
    classes = world.classes
    shares = np.cumsum([latent.share for latent in classes])
    draw = stream(seed, "classes").random(customers) * shares[-1]
    latent_class = np.searchsorted(shares, draw, side="right").astype(np.int8)
    units = {name: _gamma_draws(world, name, latent_class, seed) for name in ("rate", "spend", "hazard")}
    if world.score_correlations:
        units = _copula_draws(world, customers, seed)

    def per_class(name: str) -> Floats:
        return np.array([getattr(latent, name) for latent in classes])[latent_class]

    return _Traits(
        latent_class,
        units["rate"] / per_class("alpha"),
        units["hazard"] / per_class("beta"),
        units["spend"] / per_class("gamma"),
    )


SHAPES = {"rate": "r", "spend": "q", "hazard": "s"}


def _gamma_draws(world: World, trait: str, latent_class: Bytes, seed: int) -> Floats:
    shape = np.array([getattr(latent, SHAPES[trait]) for latent in world.classes])[latent_class]
    return stream(seed, f"trait: {trait}").standard_gamma(shape)


def correlation_matrix(world: World) -> Floats:
    """Correlation of the normal scores of rate, mean spend and hazard."""
    rate_spend, rate_hazard, spend_hazard = world.score_correlations or (0.0, 0.0, 0.0)
    return np.array([[1, rate_spend, rate_hazard], [rate_spend, 1, spend_hazard], [rate_hazard, spend_hazard, 1]])


def _copula_draws(world: World, customers: int, seed: int) -> dict[str, Floats]:
    """Gamma draws joined by a Gaussian copula; mean spend falls with nu, so its score is turned round."""
    (latent,) = world.classes
    scores = stream(seed, "copula").standard_normal((customers, 3)) @ np.linalg.cholesky(correlation_matrix(world)).T
    return {
        trait: np.asarray(special.gammaincinv(shape, special.ndtr(score)), dtype=np.float64)
        for trait, shape, score in (
            ("rate", latent.r, scores[:, 0]),
            ("spend", latent.q, -scores[:, 1]),
            ("hazard", latent.s, scores[:, 2]),
        )
    }


def _with_arrivals(arrived_at: Floats, failure: Bytes, handled: Bytes, paths: Paths) -> Purchases:
    """Insert each person's first purchase before the later ones."""
    n, m = len(arrived_at), len(paths.walker)
    counts = np.bincount(paths.walker, minlength=n)
    first = np.cumsum(counts + 1) - counts - 1
    later = np.arange(m) + paths.walker + 1

    def joined(at_arrival: NDArray, after: NDArray) -> NDArray:
        values = np.empty(n + m, dtype=after.dtype)
        values[first], values[later] = at_arrival, after
        return values

    return Purchases(
        joined(np.arange(n), paths.walker),
        joined(arrived_at, paths.at),
        np.empty(0, dtype=np.int64),
        np.full(n + m, -1, dtype=np.int16),
        joined(failure, paths.failure),
        joined(handled, paths.handled),
    )


def _first_seen(purchases: Purchases, customers: int) -> Floats:
    first_seen = np.full(customers, np.inf)
    rows = np.flatnonzero(purchases.at >= 0)
    rows = rows[np.diff(purchases.person[rows], prepend=-1) > 0]
    first_seen[purchases.person[rows]] = purchases.at[rows]
    return first_seen


def _merge(base: Purchases, net_cents: Ints, extra: Extra) -> Purchases:
    """Insert the extra purchases in order of time."""
    person = np.concatenate((base.person, extra.person))
    at = np.concatenate((base.at, extra.at))
    order = np.argsort(person, kind="stable")
    has_extra = np.zeros(int(person.max(initial=0)) + 1, dtype=bool)
    has_extra[extra.person] = True
    mixed = np.flatnonzero(has_extra[person[order]])
    rows = order[mixed]
    order[mixed] = rows[np.lexsort((at[rows], person[rows]))]
    nothing = np.zeros(len(extra.person), dtype=np.int8)
    return Purchases(
        person[order],
        at[order],
        np.concatenate((net_cents, extra.net_cents))[order],
        np.concatenate((base.campaign, extra.campaign))[order],
        np.concatenate((base.failure, nothing))[order],
        np.concatenate((base.handled, nothing))[order],
    )


def _leaving_reasons(world: World, latent_class: Bytes, paths: Paths, seed: int) -> Bytes:
    """Each cause is the reason with the share it has of the hazard at the moment of leaving."""
    reason = np.zeros(len(latent_class), dtype=np.int8)
    gone = np.flatnonzero(np.isfinite(paths.left_at))
    if not world.states_reasons:
        return reason
    day = np.floor(paths.left_at[gone]).astype(np.int64) - FIRST_DAY
    pressure = np.stack([price_pressure(world, latent) for latent in world.classes])[latent_class[gone], day]
    core, encounter = paths.core_load[gone], paths.encounter_load[gone]
    draw = stream(seed, "reasons").random((4, len(gone)))
    reason[gone] = np.select(
        [
            draw[0] >= 1 / outside_factor(world)[day],
            draw[1] >= 1 / (1 + pressure),
            draw[2] < core / (1 + core + encounter),
            draw[3] < encounter / (1 + encounter),
        ],
        [LEAVING_REASONS.index(name) for name in ("external", "price", "core_service_failure", "service_encounter")],
        LEAVING_REASONS.index("natural"),
    )
    return reason


@dataclass(frozen=True)
class States:
    """The latent state of each person at one moment; rate and hazard per week with season, events and failures."""

    has_arrived: Bools
    is_alive: Bools
    rate: Floats
    hazard: Floats


def states(lives: Lives, day: float) -> States:
    """The latent state at a time in days; rate and hazard are those of the whole local day before it.

    Persons who have not arrived or have left have rate and hazard 0.
    """
    world, persons, purchases = lives.world, lives.persons, lives.purchases
    has_arrived = persons.arrived_at < day
    is_alive = has_arrived & (persons.left_at >= day)
    failed = np.flatnonzero((purchases.failure > 0) & (purchases.at < day))
    core, encounter = loads(world.service, purchases.failure[failed], purchases.handled[failed])
    load = np.bincount(purchases.person[failed], weights=core + encounter, minlength=len(is_alive))
    span = [np.full(len(is_alive), day - 1), np.full(len(is_alive), day)]
    rate_factor, hazard_factor = (
        by_class(world, persons.latent_class, name, False, span[1])
        - by_class(world, persons.latent_class, name, False, span[0])
        for name in ("purchase", "hazard")
    )
    return States(
        has_arrived,
        is_alive,
        np.where(is_alive, persons.rate * rate_factor, 0.0),
        np.where(is_alive, persons.hazard * hazard_factor * (1 + load), 0.0),
    )
