"""Welch's test: how far apart the means of two groups of any size and variance are.

Welch (1947), The Generalization of "Student's" Problem when Several Different Population Variances are Involved,
Biometrika 34; degrees of freedom by Satterthwaite (1946).
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from mining.evaluation import Floats

CONFIDENCE = 0.95


class Group(NamedTuple):
    """Customers of groups, and the sum and the sum of squares of what each of them did; shape (n,) each."""

    customers: Floats
    total: Floats
    squares: Floats

    @property
    def mean(self) -> Floats:
        """Mean per customer."""
        return self.total / self.customers

    @property
    def variance_of_mean(self) -> Floats:
        """Variance of the mean, estimated; rounding does not make it negative."""
        of_all = np.maximum(self.squares - self.total * self.total / self.customers, 0.0)
        return of_all / (self.customers - 1) / self.customers


class Difference(NamedTuple):
    """Difference of the means, its confidence interval, and the two-sided p-value of no difference; shape (n,) each."""

    effect: Floats
    low: Floats
    high: Floats
    p_value: Floats


def welch(treated: Group, control: Group) -> Difference:
    """Compare groups of two customers or more each, of which at least one varies."""
    first, second = treated.variance_of_mean, control.variance_of_mean
    variance = first + second
    freedom = variance**2 / (first**2 / (treated.customers - 1) + second**2 / (control.customers - 1))
    effect, error = treated.mean - control.mean, np.sqrt(variance)
    half = student.ppf((1 + CONFIDENCE) / 2, freedom) * error
    p_value = np.asarray(2 * student.sf(np.abs(effect) / error, freedom))
    return Difference(effect, effect - half, effect + half, p_value)
