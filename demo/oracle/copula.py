"""Corrections where rate, spend and lifetime are joined by a Gaussian copula: importance sampling on shared draws.

Under independence the posterior is a product of gamma laws; the copula multiplies its density by c(z), z the normal
scores of the prior. Its mean over draws of the independent posterior corrects each evidence, and the draws carry it as
weight.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

from demo.world.laws import World
from demo.world.lives import correlation_matrix

Floats = NDArray[np.float64]
LOWEST, HIGHEST, STEPS = -60.0, 8.0, 8000  # of the logarithms that scores are tabulated for


def normal_score(shape: float, log_values: Floats) -> Floats:
    """The standard normal value with the same probability below it as a Gamma(shape, 1) value, by its logarithm."""
    table = _score_table(shape)
    place = (np.clip(log_values, LOWEST, HIGHEST) - LOWEST) * (STEPS / (HIGHEST - LOWEST))
    below = np.minimum(place.astype(np.int64), STEPS - 1)
    place -= below
    left = table[below]
    return left + place * (table[below + 1] - left)


@lru_cache(maxsize=8)
def _score_table(shape: float) -> Floats:
    """Scores at evenly spaced logarithms, each from the tail that it is in."""
    values = np.exp(np.linspace(LOWEST, HIGHEST, STEPS + 1))
    below, above = special.gammainc(shape, values), special.gammaincc(shape, values)
    return np.where(below < 0.5, special.ndtri(np.maximum(below, 1e-300)), -special.ndtri(np.maximum(above, 1e-300)))


def copula_density(world: World, z_rate: Floats, z_spend: Floats, z_hazard: Floats) -> Floats:
    """The copula's density at normal scores of rate, mean spend and hazard."""
    matrix = correlation_matrix(world)
    a = np.linalg.inv(matrix) - np.eye(3)
    exponent = z_rate * (a[0, 0] / 2 * z_rate + a[0, 1] * z_spend + a[0, 2] * z_hazard)
    exponent += z_spend * (a[1, 1] / 2 * z_spend + a[1, 2] * z_hazard) + a[2, 2] / 2 * z_hazard**2
    return np.exp(-exponent) / np.sqrt(np.linalg.det(matrix))
