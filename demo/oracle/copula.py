"""Corrections where rate, spend and lifetime are joined by a Gaussian copula: importance sampling on shared draws.

Under independence the posterior is a product of gamma laws; the copula multiplies its density by c(z), z the normal
scores of the prior. Its mean over draws of the independent posterior corrects each evidence, and the draws carry it as
weight.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from demo.laws import World
from demo.lives import correlation_matrix

Floats = NDArray[np.float64]
LOG_GRID = np.linspace(-60.0, 8.0, 8001)


def normal_score(shape: float, values: Floats) -> Floats:
    """The standard normal value with the same probability below it as a Gamma(shape, 1) value."""
    return np.interp(np.log(np.maximum(values, 1e-26)), LOG_GRID, _score_table(shape))


@lru_cache(maxsize=8)
def _score_table(shape: float) -> Floats:
    """Scores on LOG_GRID, each from the tail that it is in."""
    grid = np.exp(LOG_GRID)
    below, above = special.gammainc(shape, grid), special.gammaincc(shape, grid)
    return np.where(below < 0.5, special.ndtri(np.maximum(below, 1e-300)), -special.ndtri(np.maximum(above, 1e-300)))


def copula_density(world: World, rate: Floats, hazard: Floats, spend_rate: Floats) -> Floats:
    """The copula's density at a rate and hazard per week and a spend rate nu (arrays that broadcast)."""
    (latent,) = world.classes
    z_rate = normal_score(latent.r, rate * latent.alpha)
    z_spend = -normal_score(latent.q, spend_rate * latent.gamma)
    z_hazard = normal_score(latent.s, hazard * latent.beta)
    matrix = correlation_matrix(world)
    a = np.linalg.inv(matrix) - np.eye(3)
    squares = a[0, 0] * z_rate**2 + a[1, 1] * z_spend**2 + a[2, 2] * z_hazard**2
    products = a[0, 1] * z_rate * z_spend + a[0, 2] * z_rate * z_hazard + a[1, 2] * z_spend * z_hazard
    return np.exp(-squares / 2 - products) / np.sqrt(np.linalg.det(matrix))
