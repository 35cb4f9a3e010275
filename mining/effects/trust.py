"""Whether the plain mean of a skewed amount can be trusted, and what stands beside it where it cannot.

Few customers buy, and a few of these for much. In a small control group the large ones are often missing; then its mean
is too low, its variance too, and the interval of the difference lies too high. A correction for skewness does not
repair it, because what is missing cannot be seen. So the plain mean is shown only where the arms are large for the
skewness. n > 355 s^2 (Kohavi, Deng, Longbotham and Xu 2014, Seven Rules of Thumb for Web Site Experimenters, KDD, rule
7) says when the mean of one group is near normal, and the rule below is the same for a difference of two. `python -m
benchmarks effects` measures what it lets through.
"""

import numpy as np
from numpy.typing import NDArray

from mining.effects.moments import Arm
from mining.evaluation import Floats

LARGEST_SKEWNESS = 0.16
"""Of the difference of the means. A side of a 95 % interval then misses 2.5 % + 8.5 % of it (the first term of the
Edgeworth expansion of Student's t: skewness / 6 * (2 z^2 + 1) * density(z)), and what the estimate of it misses."""
BUYERS_FOR_MEAN = 200
"""Expected in the smaller arm. The skewness is seen only in buyers; with fewer it is underestimated, too."""
BUYERS_FOR_CAPPED = 40
"""Expected in the smaller arm, for the mean of amounts that count up to a cap."""


def skewness_of_difference(treated: Arm, control: Arm) -> Floats:
    """Return the skewness of the difference of the means, from moments pooled over the arms; shape (n,).

    Equal arms have none, because that of one takes away that of the other.
    """
    everybody = treated.customers + control.customers
    third = np.abs(treated.customers * treated.third_moment + control.customers * control.third_moment) / everybody
    variance = (treated.spread + control.spread) / everybody
    uneven = np.abs(1 / control.customers**2 - 1 / treated.customers**2)
    scale = (variance * (1 / control.customers + 1 / treated.customers)) ** 1.5
    return np.divide(third * uneven, scale, out=np.full_like(scale, np.inf), where=scale > 0)


def expected_buyers(treated: Floats, control: Floats, treated_buyers: Floats, control_buyers: Floats) -> Floats:
    """Return the buyers of the smaller arm, had both arms bought alike; shape (n,).

    What the smaller arm itself bought would choose campaigns by their outcome.
    """
    rate = (treated_buyers + control_buyers) / (treated + control)
    return np.minimum(treated, control) * rate


def is_mean_trusted(treated: Arm, control: Arm, buyers: Floats) -> NDArray[np.bool_]:
    """Whether the interval of the plain mean keeps its promise; `buyers` are the expected ones. Shape (n,)."""
    trusted: NDArray[np.bool_] = (buyers >= BUYERS_FOR_MEAN) & (
        skewness_of_difference(treated, control) <= LARGEST_SKEWNESS
    )
    return trusted
