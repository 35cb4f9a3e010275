"""What the arms of campaigns add up to: everything that the methods of this folder read of customers."""

from typing import NamedTuple

import numpy as np

from mining.evaluation import Floats


class Arm(NamedTuple):
    """Sums over the customers of an arm; shape (n,) each, one element per campaign.

    Attributes
    ----------
    customers
        Customers in the arm.
    total, squares, cubes
        Sums of what each did (y), of its square and of its cube.
    before, before_squares, products
        Sums of what each did before the campaign (x), of its square, and of x * y. Of a ratio x is its denominator.
    """

    customers: Floats
    total: Floats
    squares: Floats
    cubes: Floats
    before: Floats
    before_squares: Floats
    products: Floats

    @property
    def mean(self) -> Floats:
        """Mean of y."""
        return self.total / self.customers

    @property
    def mean_before(self) -> Floats:
        """Mean of x."""
        return self.before / self.customers

    @property
    def spread(self) -> Floats:
        """Sum of squared deviations of y; rounding does not make it negative."""
        return np.maximum(self.squares - self.total**2 / self.customers, 0.0)

    @property
    def spread_before(self) -> Floats:
        """Sum of squared deviations of x."""
        return np.maximum(self.before_squares - self.before**2 / self.customers, 0.0)

    @property
    def joint_spread(self) -> Floats:
        """Sum of products of the deviations of x and y."""
        return self.products - self.before * self.total / self.customers

    @property
    def third_moment(self) -> Floats:
        """Mean cubed deviation of y."""
        mean = self.mean
        return self.cubes / self.customers - 3 * mean * self.squares / self.customers + 2 * mean**3

    def take(self, rows: Floats) -> "Arm":
        """Return some of the campaigns."""
        return Arm(*(column[rows] for column in self))


class Difference(NamedTuple):
    """Difference of two arms, its interval, and the two-sided p-value of no difference; shape (n,) each."""

    effect: Floats
    low: Floats
    high: Floats
    p_value: Floats
