"""Paths of purchases until the customer leaves: the one law that lives and the oracle's forward simulation share.

On the purchase clock a customer passes stages at rate gap_stages * rate; every gap_stages-th stage is a purchase, so
gaps are Erlang. The hazard is hazard * factor(t) * (1 + load); a failure adds to the load from the moment of its
purchase. The customer leaves when the integrated hazard reaches a unit exponential draw.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from demo.world.clocks import Clock, hazard_clock, purchase_clock
from demo.world.laws import ServiceLaw, World
from demo.world.streams import stream

Floats = NDArray[np.float64]
Bytes = NDArray[np.int8]


@dataclass(frozen=True)
class Walkers:
    """Where each path begins. Rates and hazards are per week and base, times are days."""

    latent_class: Bytes
    rate: Floats
    hazard: Floats
    start: Floats
    core_load: Floats  # what failures before the start add to the hazard
    encounter_load: Floats
    stages_passed: NDArray[np.int64]  # of the current gap


@dataclass(frozen=True)
class Paths:
    """Purchases after the start, sorted by (walker, time), and when and in what state each walker leaves."""

    walker: NDArray[np.int64]
    at: Floats
    failure: Bytes
    handled: Bytes
    left_at: Floats  # inf: after the end
    core_load: Floats  # at the end of the path
    encounter_load: Floats


def by_class(world: World, latent_class: Bytes, clock_of: str, inverse: bool, values: Floats) -> Floats:
    """Read each value on the clock of its class."""
    clocks: list[Clock] = [
        (purchase_clock if clock_of == "purchase" else hazard_clock)(world, index)
        for index in range(len(world.classes))
    ]
    if all(clock.is_plain for clock in clocks):
        return values
    if len(clocks) == 1:
        return clocks[0].when(values) if inverse else clocks[0].at(values)
    result = np.empty_like(values)
    for index, clock in enumerate(clocks):
        chosen = latent_class == index
        result[chosen] = clock.when(values[chosen]) if inverse else clock.at(values[chosen])
    return result


def grouped_cumsum(values: Floats, first: NDArray[np.int64], sizes: NDArray[np.int64]) -> Floats:
    """Cumulative sums that begin again in each group; `first` is each group's first row, every size is at least 1."""
    total = np.cumsum(values)
    before = total[first] - values[first]
    total -= np.repeat(before, sizes)
    return total


def _potential_purchases(
    world: World, walkers: Walkers, end: Floats, rng: np.random.Generator
) -> tuple[NDArray, Floats]:
    """Walker and time of each purchase up to `end`, by order statistics of uniform stages on the purchase clock."""
    stages = world.gap_stages
    opening = by_class(world, walkers.latent_class, "purchase", False, walkers.start)
    length = by_class(world, walkers.latent_class, "purchase", False, end) - opening
    counts = rng.poisson(walkers.rate / 7 * stages * length)
    sizes = counts + 1
    first = np.cumsum(sizes) - sizes
    position = grouped_cumsum(rng.standard_exponential(int(sizes.sum())), first, sizes)
    walker = np.repeat(np.arange(len(sizes)), sizes)
    number = np.arange(len(walker)) - first[walker] + 1
    total = position[first + sizes - 1]
    is_purchase = number <= counts[walker]
    if stages > 1:
        is_purchase &= (number + walkers.stages_passed[walker]) % stages == 0
    walker, position = walker[is_purchase], position[is_purchase]
    elapsed = opening[walker] + length[walker] * (position / total[walker])
    return walker, by_class(world, walkers.latent_class[walker], "purchase", True, elapsed)


def draw_failures(world: World, latent_class: Bytes, seed: int, purpose: str) -> tuple[Bytes, Bytes]:
    """Failure (index into FAILURES) and handling (index into HANDLING) of each purchase."""
    service = world.service
    bounds = np.cumsum([service.late_delivery, service.damaged, service.long_wait])
    draw = stream(seed, f"{purpose}: failures").random(len(latent_class))
    failure = np.zeros(len(latent_class), dtype=np.int8)
    failed = np.flatnonzero(draw < bounds[-1])
    failure[failed] = np.searchsorted(bounds, draw[failed], side="right") + 1
    complains = np.array([latent.complaint_probability for latent in world.classes])[latent_class[failed]]
    rng = stream(seed, f"{purpose}: complaints")
    complained = rng.random(len(failed)) < complains
    handled_well = rng.random(len(failed)) < service.handled_well
    handled = np.zeros(len(latent_class), dtype=np.int8)
    handled[failed] = np.where(complained, np.where(handled_well, 1, 2), 0)
    return failure, handled


def loads(service: ServiceLaw, failure: Bytes, handled: Bytes) -> tuple[Floats, Floats]:
    """What each purchase adds to the hazard's multiplier: by core failure, and by the service encounter."""
    stands = handled != 1
    core = np.where(((failure == 1) | (failure == 2)) & stands, service.core_effect, 0.0)
    wait = np.where((failure == 3) & stands, service.wait_effect, 0.0)
    return core, wait + np.where(handled == 2, service.badly_handled_effect, 0.0)


def walk(world: World, walkers: Walkers, end_day: float, seed: int, purpose: str) -> Paths:
    """Follow each walker until it leaves or `end_day`."""
    lifetime = stream(seed, f"{purpose}: lifetimes").standard_exponential(len(walkers.rate))
    multiplier = 1 + walkers.core_load + walkers.encounter_load
    opening = by_class(world, walkers.latent_class, "hazard", False, walkers.start)
    latest = opening + lifetime / (walkers.hazard / 7 * multiplier)
    left_at = _leaving_time(world, walkers.latent_class, latest, end_day)
    potential_end = np.minimum(left_at, end_day)
    walker, at = _potential_purchases(world, walkers, potential_end, stream(seed, f"{purpose}: purchases"))
    failure, handled = draw_failures(world, walkers.latent_class[walker], seed, purpose)
    potential = Paths(walker, at, failure, handled, left_at, walkers.core_load, walkers.encounter_load)
    return _cut_by_failures(world, walkers, potential, lifetime, end_day) if world.service.has_effects else potential


def _leaving_time(world: World, latent_class: Bytes, hazard_time: Floats, end_day: float) -> Floats:
    left_at = by_class(world, latent_class, "hazard", True, hazard_time)
    return np.where(left_at < end_day, left_at, np.inf)


def _cut_by_failures(world: World, walkers: Walkers, potential: Paths, lifetime: Floats, end_day: float) -> Paths:
    """Leave earlier where failures raised the hazard: find where the integrated hazard reaches the lifetime drawn."""
    n, m = len(walkers.rate), len(potential.walker)
    purchases = np.bincount(potential.walker, minlength=n)
    sizes = purchases + 1  # the start, then the purchases
    first = np.cumsum(sizes) - sizes
    rows = np.arange(m) + potential.walker + 1  # of the purchases, among starts and purchases
    owner = np.repeat(np.arange(n), sizes)
    point = np.empty(n + m)
    point[first], point[rows] = walkers.start, potential.at
    hazard_time = by_class(world, walkers.latent_class[owner], "hazard", False, point)
    core_added, encounter_added = loads(world.service, potential.failure, potential.handled)
    core, encounter = np.empty(n + m), np.empty(n + m)
    core[first], core[rows] = walkers.core_load, core_added
    encounter[first], encounter[rows] = walkers.encounter_load, encounter_added
    core, encounter = grouped_cumsum(core, first, sizes), grouped_cumsum(encounter, first, sizes)
    slope = walkers.hazard[owner] / 7 * (1 + core + encounter)
    spent = np.zeros(n + m)  # integrated hazard at each point
    spent[1:] = np.where(owner[1:] == owner[:-1], slope[:-1] * np.diff(hazard_time), 0.0)
    spent = grouped_cumsum(spent, first, sizes)
    is_reached = spent <= lifetime[owner]
    is_reached[first] = True
    last = first + np.add.reduceat(is_reached, first, dtype=np.int64) - 1
    latest = hazard_time[last] + (lifetime - spent[last]) / slope[last]
    left_at = _leaving_time(world, walkers.latent_class, latest, end_day)
    left_at = np.where(np.isfinite(left_at), np.maximum(left_at, point[last]), np.inf)
    kept = is_reached[rows]
    return Paths(
        potential.walker[kept],
        potential.at[kept],
        potential.failure[kept],
        potential.handled[kept],
        left_at,
        core[last],
        encounter[last],
    )
