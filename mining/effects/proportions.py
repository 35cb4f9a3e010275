"""How far apart the shares of two arms are: the score interval of Miettinen and Nurminen.

Miettinen and Nurminen (1985), Comparative Analysis of Two Rates, Statistics in Medicine 4, equations 8 and 9, appendix.
The interval holds every difference that the score test does not reject, so it leaves out zero just where the p-value is
below 5 %, and it keeps its promise with few buyers in a small control group, where Wald's does not.
"""

import numpy as np
from scipy.stats import norm

from mining.effects.means import CONFIDENCE
from mining.effects.moments import Difference
from mining.evaluation import Floats

STEPS = 50
"""Halvings of the interval of candidates: to the last digit."""
Counts = tuple[Floats, Floats, Floats, Floats]
NORMAL = float(norm.isf((1 - CONFIDENCE) / 2))


def difference_of_shares(
    treated_buyers: Floats,
    treated: Floats,
    control_buyers: Floats,
    control: Floats,
    critical: Floats | float = np.nan,
) -> Difference:
    """Compare the shares of two arms.

    Parameters
    ----------
    treated_buyers, treated, control_buyers, control
        Customers who bought, and all; shape (n,), one customer or more in each arm.
    critical
        As in `difference_of_means`.
    """
    counts = treated_buyers, treated, control_buyers, control
    effect = treated_buyers / treated - control_buyers / control
    critical = np.broadcast_to(critical, effect.shape)
    bound = np.where(np.isnan(critical), NORMAL, critical)
    low = _farthest(counts, effect, -np.ones_like(effect), bound)
    high = _farthest(counts, effect, np.ones_like(effect), bound)
    p_value = np.where(np.isnan(critical), 2 * norm.sf(np.abs(score(*counts, np.zeros_like(effect)))), np.nan)
    return Difference(effect, low, high, np.minimum(p_value, 1.0))


def score(
    treated_buyers: Floats, treated: Floats, control_buyers: Floats, control: Floats, difference: Floats
) -> Floats:
    """Return by how many standard errors the shares are farther apart than `difference`."""
    all_customers = treated + control
    base = restricted_share(treated_buyers, treated, control_buyers, control, difference)
    other = np.clip(base + difference, 0.0, 1.0)
    variance = (other * (1 - other) / treated + base * (1 - base) / control) * all_customers / (all_customers - 1)
    distance = treated_buyers / treated - control_buyers / control - difference
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(distance == 0, 0.0, distance / np.sqrt(np.maximum(variance, 0.0)))


def restricted_share(
    treated_buyers: Floats, treated: Floats, control_buyers: Floats, control: Floats, difference: Floats
) -> Floats:
    """Return the likeliest share of the control group where the shares are `difference` apart.

    The root of a cubic equation between 0 and 1, in closed form (appendix 1 of the paper).
    """
    cubic = treated + control
    buyers = treated_buyers + control_buyers
    square = (treated + 2 * control) * difference - cubic - buyers
    linear = (control * difference - cubic - 2 * control_buyers) * difference + buyers
    constant = control_buyers * difference * (1 - difference)
    third = square / (3 * cubic)
    q = third**3 - linear * square / (6 * cubic**2) + constant / (2 * cubic)
    p = np.where(q < 0, -1.0, 1.0) * np.sqrt(np.maximum(third**2 - linear / (3 * cubic), 0.0))
    cosine = np.divide(q, p**3, out=np.zeros_like(q), where=p != 0)
    angle = (np.pi + np.arccos(np.clip(cosine, -1.0, 1.0))) / 3
    return np.clip(2 * p * np.cos(angle) - third, np.maximum(0.0, -difference), np.minimum(1.0, 1 - difference))


def _farthest(counts: Counts, effect: Floats, end: Floats, bound: Floats) -> Floats:
    """Return the difference farthest towards `end` that is not rejected, by bisection."""
    inside, outside = effect, end
    for _ in range(STEPS):
        middle = (inside + outside) / 2
        is_inside = np.abs(score(*counts, middle)) <= bound
        inside, outside = np.where(is_inside, middle, inside), np.where(is_inside, outside, middle)
    return inside
