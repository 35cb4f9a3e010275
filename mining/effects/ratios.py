"""How far apart two ratios of sums are, such as net sales per purchase: the delta method.

The customer is what was drawn, not the purchase, so the purchases of a customer hang together. Deng, Knoblich and Lu
(2018), Applying the Delta Method in Metric Analytics, KDD, section 2.
"""

import numpy as np
from scipy.stats import norm

from mining.effects.moments import Arm, Difference
from mining.effects.proportions import NORMAL
from mining.evaluation import Floats


def variance_of_ratio(arm: Arm) -> Floats:
    """Return the variance of total / before, estimated; the denominators are in `before`."""
    ratio = arm.total / arm.before
    spread = arm.spread - 2 * ratio * arm.joint_spread + ratio**2 * arm.spread_before
    return np.maximum(spread, 0.0) / (arm.customers - 1) / arm.customers / arm.mean_before**2


def difference_of_ratios(treated: Arm, control: Arm, critical: Floats | float = np.nan) -> Difference:
    """Compare the ratios of two arms, of which neither denominator is zero.

    Parameters
    ----------
    treated, control
        The arms.
    critical
        As in `difference_of_means`.
    """
    effect = treated.total / treated.before - control.total / control.before
    error = np.sqrt(variance_of_ratio(treated) + variance_of_ratio(control))
    critical = np.broadcast_to(critical, effect.shape)
    half = np.where(np.isnan(critical), NORMAL, critical) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        p_value = np.where(np.isnan(critical), 2 * norm.sf(np.abs(effect) / error), np.nan)
    return Difference(effect, effect - half, effect + half, p_value)
