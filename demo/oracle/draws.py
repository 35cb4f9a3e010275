"""Draws from the posterior of each customer, given that it is alive: explanation, stage, rate, hazard and spend.

All customers share one Sobol sequence, turned by a shift of their own, so that each is evenly covered and their errors
do not add up.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.stats import qmc

from demo.oracle.copula import copula_density, normal_score
from demo.oracle.evidence import Explanation, Exposure, explanations, exposures, log_alive, log_gone
from demo.oracle.histories import Histories
from demo.world.laws import World
from demo.world.streams import stream

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Draws:
    """Posterior draws given alive, (rows, draws) each; rates and hazards per week."""

    p_alive: Floats  # (rows,)
    latent_class: NDArray[np.int8]
    stages_passed: Ints
    rate: Floats
    hazard: Floats
    mean_spend: Floats  # expected net value of an order, SGD
    weight: Floats  # sums to 1 over a row


@dataclass(frozen=True)
class _Parts:
    """The evidence of every explanation."""

    given: list[Explanation]
    at: list[Exposure]
    alive: Floats  # (rows, explanations, stages), log
    gone: Floats  # (rows, explanations, nodes), log


def sobol(seed: int, purpose: str, rows: int, draws: int, dimensions: int) -> Floats:
    """Points of the unit cube, (dimensions, rows, draws): a Sobol sequence with one shift per row."""
    points = qmc.Sobol(dimensions, scramble=False).random_base2(int(np.ceil(np.log2(draws))))[:draws]
    shifts = stream(seed, purpose).random((rows, dimensions))
    turned = (points[None] + shifts[:, None]) % 1.0
    return np.clip(np.moveaxis(turned, 2, 0), 1e-12, 1 - 1e-12)


def posterior_draws(world: World, seen: Histories, draws: int, seed: int) -> Draws:
    """Draw from each customer's posterior given alive, and weigh alive against gone."""
    given = explanations(world, seen)
    at = [exposures(world, seen, explanation) for explanation in given]
    parts = _Parts(
        given,
        at,
        np.stack([log_alive(world, e, x) for e, x in zip(given, at, strict=True)], axis=1),
        np.stack([log_gone(world, e, x) for e, x in zip(given, at, strict=True)], axis=1),
    )
    unit = sobol(seed, "oracle draws", len(seen.person), draws, 4)
    if world.score_correlations:
        return _correlated_draws(world, seen, parts, unit)
    return _independent_draws(world, seen, parts, unit)


def _independent_draws(world: World, seen: Histories, parts: _Parts, unit: Floats) -> Draws:
    rows, count, stages = parts.alive.shape
    alive = special.logsumexp(parts.alive, axis=(1, 2))
    gone = special.logsumexp(parts.gone, axis=(1, 2))
    share = np.exp(parts.alive - alive[:, None, None]).reshape(rows, count * stages)
    edges = np.cumsum(share, axis=1)[:, :-1]
    chosen = (unit[0][:, :, None] >= edges[:, None, :]).sum(axis=2)
    explanation, stage = chosen // stages, chosen % stages
    latent_class = np.array([e.class_index for e in parts.given], dtype=np.int8)[explanation]

    def of_class(name: str) -> Floats:
        return np.array([getattr(latent, name) for latent in world.classes])[latent_class]

    def of_explanation(values: list[Floats]) -> Floats:
        return np.take_along_axis(np.stack(values, axis=1), explanation, axis=1)

    k = world.gap_stages
    shape = of_class("r") + k * of_explanation([e.events for e in parts.given]) + stage
    scale = of_class("alpha") + k * of_explanation([x.purchase_now for x in parts.at])
    hazard_scale = of_class("beta") + of_explanation([x.hazard_now for x in parts.at])
    p, orders = world.order_shape, seen.orders[:, None]
    mean_spend = p * (of_class("gamma") + seen.spend[:, None]) / (of_class("q") + p * orders - 1)
    return Draws(
        special.expit(alive - gone),
        latent_class,
        stage,
        special.gammaincinv(shape, unit[1]) / scale,
        special.gammaincinv(of_class("s"), unit[2]) / hazard_scale,
        mean_spend,
        np.full(latent_class.shape, 1 / latent_class.shape[1]),
    )


def _correlated_draws(world: World, seen: Histories, parts: _Parts, unit: Floats) -> Draws:
    """Importance sampling from the independent posterior, for a world of one class with exponential gaps."""
    ((latent,), (given,), (at,)) = (world.classes, parts.given, parts.at)
    spend_rate = special.gammaincinv(latent.q + world.order_shape * seen.orders[:, None], unit[3])
    spend_rate /= latent.gamma + seen.spend[:, None]
    z_spend = -normal_score(latent.q, np.log(spend_rate * latent.gamma))
    log_rate = np.log(special.gammaincinv(latent.r + given.events[:, None], unit[1]))
    log_hazard = np.log(special.gammaincinv(latent.s, unit[2]))
    log_hazard_gone = np.log(special.gammaincinv(latent.s + 1, unit[2]))

    def density(log_hazard: Floats, purchase: Floats, hazard: Floats) -> Floats:
        z_rate = normal_score(latent.r, log_rate + np.log(latent.alpha / (latent.alpha + purchase))[:, None])
        z_hazard = normal_score(latent.s, log_hazard + np.log(latent.beta / (latent.beta + hazard))[:, None])
        return copula_density(world, z_rate, z_spend, z_hazard)

    weight = density(log_hazard, at.purchase_now, at.hazard_now)
    alive = parts.alive[:, 0, 0] + np.log(weight.mean(axis=1))
    gone = parts.gone[:, 0].copy()
    for node in range(gone.shape[1]):
        at_node = density(log_hazard_gone, at.purchase_gone[:, node], at.hazard_gone[:, node])
        gone[:, node] += np.log(at_node.mean(axis=1))
    nothing = np.zeros(log_rate.shape, dtype=np.int64)
    return Draws(
        special.expit(alive - special.logsumexp(gone, axis=1)),
        nothing.astype(np.int8),
        nothing,
        np.exp(log_rate) / (latent.alpha + at.purchase_now[:, None]),
        np.exp(log_hazard) / (latent.beta + at.hazard_now[:, None]),
        world.order_shape / spend_rate,
        weight / weight.sum(axis=1, keepdims=True),
    )
