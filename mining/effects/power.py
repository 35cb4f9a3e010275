"""Whether a test can find an effect: the power of comparing the shares of two groups, and the buyers that money needs.

The normal approximation with unpooled variances, two-sided, as in Fleiss, Levin and Paik (2003), Statistical Methods
for Rates and Proportions, chapter 4, without the correction for continuity.
"""

import math

from scipy.optimize import brentq
from scipy.stats import norm

from mining.effects.trust import BUYERS_FOR_CAPPED, BUYERS_FOR_MEAN, LARGEST_SKEWNESS

SIGNIFICANCE = 0.05
POWER = 0.8
LARGEST_SHARE = 0.5
"""A larger control group than half finds no more."""
SPREAD = 1.0
"""Standard deviation of the logarithm of what a buyer brings, as far as it is not known: usual in retail."""


def power(treated: int, control: int, rate: float, effect: float) -> float:
    """Return the chance that a test at 5 % finds an effect.

    Parameters
    ----------
    treated, control
        Customers in each arm.
    rate
        Share of the control group that buys, 0 to 1.
    effect
        By how much more the share of the treated arm is; `rate + effect` is cut at 1.

    Returns
    -------
    float
        0 where an arm is empty.
    """
    if min(treated, control) < 1:
        return 0.0
    other = min(rate + effect, 1.0)
    error = math.sqrt(rate * (1 - rate) / control + other * (1 - other) / treated)
    if error == 0:
        return float(other > rate)
    distance, bound = (other - rate) / error, norm.isf(SIGNIFICANCE / 2)
    return float(norm.sf(bound - distance) + norm.cdf(-bound - distance))


def detectable_effect(treated: int, control: int, rate: float) -> float | None:
    """Return the smallest increase of the share that is found with a chance of 80 %; None where none is."""
    largest = 1 - rate
    if largest <= 0 or power(treated, control, rate, largest) < POWER:
        return None
    return float(brentq(lambda effect: power(treated, control, rate, effect) - POWER, 0.0, largest))


def control_needed(customers: int, rate: float, effect: float) -> int | None:
    """Return how many of these customers to hold back so that the campaign can be judged: see `is_admitted`.

    Returns
    -------
    int or None
        The smallest control group; None where not even half of the customers are enough.
    """
    low, high = 1, int(customers * LARGEST_SHARE)
    if high < 1 or not is_admitted(customers - high, high, rate, effect):
        return None
    while low < high:
        middle = (low + high) // 2
        if is_admitted(customers - middle, middle, rate, effect):
            high = middle
        else:
            low = middle + 1
    return low


def is_admitted(treated: int, control: int, rate: float, effect: float) -> bool:
    """Whether a campaign can be judged: it finds the effect with a chance of 80 %, and enough buy in each arm.

    The second is what the interval of the capped margin needs (mining/effects/trust.py).
    """
    return power(treated, control, rate, effect) >= POWER and min(treated, control) * rate >= BUYERS_FOR_CAPPED


def control_for_mean(customers: int, rate: float) -> int | None:
    """Return how many of these customers to hold back so that the plain mean of the margin can be trusted.

    What a buyer brings is taken to be log-normal, and the rule is that of `mining.effects.trust.is_mean_trusted`.

    Returns
    -------
    int or None
        The smallest control group; None where not even half of the customers are enough.
    """
    largest = int(customers * LARGEST_SHARE)
    if rate <= 0 or largest * rate < BUYERS_FOR_MEAN:
        return None
    skewness = _skewness(rate)

    def excess(control: float) -> float:
        treated = customers - control
        uneven = abs(1 / control**2 - 1 / treated**2) / (1 / control + 1 / treated) ** 1.5
        return skewness * uneven - LARGEST_SKEWNESS

    fewest = max(math.ceil(BUYERS_FOR_MEAN / rate), 1)
    if excess(fewest) <= 0:
        return fewest
    return math.ceil(brentq(excess, fewest, customers / 2))


def _skewness(rate: float) -> float:
    """Return the skewness of amounts of which a share is log-normal and the others are 0."""
    first, second, third = (rate * math.exp(n**2 * SPREAD**2 / 2) for n in (1, 2, 3))
    return float((third - 3 * second * first + 2 * first**3) / (second - first**2) ** 1.5)
