"""How likely a history is under each explanation of it, alive or gone: the general law of a world, integrated exactly.

An explanation is a latent class and, where customers are older than the data, a time of arrival. Given it, rate and
hazard have gamma laws, so they integrate out: with x purchases after the first, exposure E on the purchase clock and
exposure M on the hazard clock (both in weeks, M weighted by the failures so far),

    alive now:   g(x, E(now)) * (beta / (beta + M(now)))^s
    gone at t:   g(x, E(t)) * s * beta^s / (beta + M(t))^(s + 1) dM(t),    integrated from the last purchase to now
    g(x, E)    = sum over the stages j < k passed in the open gap of
                 Gamma(r + kx + j) / Gamma(r) * alpha^r / (alpha + kE)^(r + kx + j) * (k * open gap)^j / j!

times what is the same alive or gone: the class's share, its season at the purchases, its spend, its complaints.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from demo.oracle.histories import Histories
from demo.oracle.pareto_nbd import gauss
from demo.world.clocks import hazard_clock, purchase_clock
from demo.world.laws import WINDOW_DAYS, LatentClass, World
from demo.world.paths import loads

Floats = NDArray[np.float64]
GONE_NODES = 32
ARRIVAL_NODES = 12
WEEK = 7.0


@dataclass(frozen=True)
class Explanation:
    """One way a history may have come about; arrays have one value per customer."""

    class_index: int
    log_prior: Floats
    events: Floats
    opened_at: Floats  # where exposure to purchases begins, days
    hazard_before: Floats  # hazard exposure in weeks before the last purchase


@dataclass(frozen=True)
class Exposure:
    """An explanation's exposures: now, and at the nodes of the time of leaving (rows, nodes). Weeks."""

    purchase_now: Floats
    hazard_now: Floats
    open_gap_now: Floats
    purchase_gone: Floats
    hazard_gone: Floats
    open_gap_gone: Floats
    hazard_weights: Floats  # quadrature weights in hazard exposure


def explanations(world: World, seen: Histories) -> list[Explanation]:
    """All explanations of a world, with the parts of their likelihood that are the same alive or gone."""
    result = []
    for index, latent in enumerate(world.classes):
        clues = np.log(latent.share) + _class_clues(world, seen, index, latent)
        hazard_before = _hazard_before(world, seen, index)
        events = seen.repeats.astype(float)
        if not world.early_share:
            result.append(Explanation(index, clues, events, seen.first_at, hazard_before))
            continue
        new = clues + np.log((1 - world.early_share) * WEEK / WINDOW_DAYS)  # density per week, as of every event
        result.append(Explanation(index, new, events, seen.first_at, hazard_before))
        nodes, weights = gauss(ARRIVAL_NODES)
        for node, weight in zip(nodes, weights, strict=True):
            # All purchases in the window count as events: the first one in it is not the first.
            age = node * world.early_days + seen.first_at
            early = clues + np.log(world.early_share * weight)
            result.append(Explanation(index, early, events + 1, np.zeros_like(age), hazard_before + age / WEEK))
    return result


def _class_clues(world: World, seen: Histories, index: int, latent: LatentClass) -> Floats:
    """Log-likelihood of the moments, campaign responses, values and complaints of the purchases under a class."""
    if len(world.classes) == 1:
        return np.zeros(len(seen.person))
    events = seen.events
    lifts = np.array([campaign.lift * latent.campaign_response for campaign in world.campaigns])
    timing = np.log(purchase_clock(world, index).rate(events.at))
    timing += np.where(events.campaign >= 0, np.log(np.maximum(lifts, 1e-300))[events.campaign], 0.0)
    failed = events.failure > 0
    complained = np.where(events.handled > 0, latent.complaint_probability, 1 - latent.complaint_probability)
    clues = seen.sums(np.where(events.is_first, 0.0, timing) + np.where(failed, np.log(complained), 0.0))
    shape = latent.q + world.order_shape * seen.orders
    spend = special.gammaln(shape) - special.gammaln(latent.q)
    return clues + spend + latent.q * np.log(latent.gamma) - shape * np.log(latent.gamma + seen.spend)


def _hazard_before(world: World, seen: Histories, index: int) -> Floats:
    """Hazard exposure from the first to the last purchase, in weeks, weighted by the failures so far."""
    events = seen.events
    core, encounter = loads(world.service, events.failure, events.handled)
    load = np.cumsum(core + encounter)
    begins = np.flatnonzero(events.is_first)
    load -= np.repeat(load[begins] - (core + encounter)[begins], seen.orders)
    elapsed = hazard_clock(world, index).at(events.at)
    spent = np.zeros(len(load))
    spent[:-1] = np.where(events.is_first[1:], 0.0, (1 + load[:-1]) * np.diff(elapsed)) / WEEK
    return seen.sums(spent)


def purchase_exposure(world: World, seen: Histories, given: Explanation, until: Floats) -> Floats:
    """Exposure to purchases in weeks, from where it opens to each time in days (rows, or rows by nodes)."""
    clock = purchase_clock(world, given.class_index)
    column = (slice(None),) + (None,) * (until.ndim - 1)
    exposure = clock.at(until) - clock.at(given.opened_at)[column]
    response = world.classes[given.class_index].campaign_response
    for number, campaign in enumerate(world.campaigns):
        rows = np.flatnonzero(seen.treated[number])
        if campaign.lift and len(rows):
            start = np.maximum(given.opened_at[rows], campaign.start_day)[column]
            end = np.maximum(np.minimum(until[rows], campaign.end_day), start)
            exposure[rows] += campaign.lift * response * (clock.at(end) - clock.at(np.broadcast_to(start, end.shape)))
    return exposure / WEEK


def exposures(world: World, seen: Histories, given: Explanation) -> Exposure:
    """Exposures of an explanation now and at the quadrature nodes of the time of leaving."""
    hazard = hazard_clock(world, given.class_index)
    purchase = purchase_clock(world, given.class_index)
    now = np.full(len(seen.person), seen.as_of_day)
    multiplier = 1 + seen.core_load + seen.encounter_load
    last, open_hazard = hazard.at(seen.last_at), hazard.at(now) - hazard.at(seen.last_at)
    nodes, weights = gauss(GONE_NODES)
    left_at = hazard.when(last[:, None] + open_hazard[:, None] * nodes)
    open_gap = purchase.at(seen.last_at)
    return Exposure(
        purchase_exposure(world, seen, given, now),
        given.hazard_before + multiplier * open_hazard / WEEK,
        (purchase.at(now) - open_gap) / WEEK,
        purchase_exposure(world, seen, given, left_at),
        given.hazard_before[:, None] + (multiplier * open_hazard / WEEK)[:, None] * nodes,
        (purchase.at(left_at) - open_gap[:, None]) / WEEK,
        (multiplier * open_hazard / WEEK)[:, None] * weights,
    )


def log_stages(world: World, latent: LatentClass, events: Floats, exposure: Floats, open_gap: Floats) -> Floats:
    """The terms of log g, one per stage passed (a new last axis)."""
    k, j = world.gap_stages, np.arange(world.gap_stages)
    shape = latent.r + k * events[..., None] + j
    terms = special.gammaln(shape) - special.gammaln(latent.r) + latent.r * np.log(latent.alpha)
    terms = terms - shape * np.log(latent.alpha + k * exposure[..., None])
    return terms + special.xlogy(j, k * open_gap[..., None]) - special.gammaln(j + 1)


def log_alive(world: World, given: Explanation, at: Exposure) -> Floats:
    """Log evidence per row and stage passed that the customer is alive now (rows, stages)."""
    latent = world.classes[given.class_index]
    stages = log_stages(world, latent, given.events, at.purchase_now, at.open_gap_now)
    survival = latent.s * np.log(latent.beta / (latent.beta + at.hazard_now))
    return stages + (given.log_prior + survival)[:, None]


def log_gone(world: World, given: Explanation, at: Exposure) -> Floats:
    """Log evidence per row and node that the customer left then, the quadrature weight included (rows, nodes)."""
    latent = world.classes[given.class_index]
    stages = log_stages(world, latent, given.events[:, None], at.purchase_gone, at.open_gap_gone)
    leaving = np.log(latent.s) + latent.s * np.log(latent.beta) - (latent.s + 1) * np.log(latent.beta + at.hazard_gone)
    weights = np.log(np.maximum(at.hazard_weights, 1e-300))
    return special.logsumexp(stages, axis=-1) + given.log_prior[:, None] + leaving + weights
