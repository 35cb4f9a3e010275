"""How far apart the means of two arms are: Welch's test, sharpened by what customers did before (CUPED).

Welch (1947), The Generalization of "Student's" Problem when Several Different Population Variances are Involved,
Biometrika 34; degrees of freedom by Satterthwaite (1946). The adjustment is that of Deng, Xu, Kohavi and Walker (2013),
Improving the Sensitivity of Online Controlled Experiments by Utilizing Pre-Experiment Data, WSDM, section 3.
"""

import numpy as np
from scipy.special import stdtr, stdtrit

from mining.effects.moments import Arm, Difference
from mining.evaluation import Floats

CONFIDENCE = 0.95


def slope(treated: Arm, control: Arm) -> Floats:
    """Return theta, by which a difference before the campaign is carried over to the outcome.

    Pooled within the arms, so that the effect itself does not move it; 0 where nobody did anything before.
    """
    within = treated.spread_before + control.spread_before
    joint = treated.joint_spread + control.joint_spread
    return np.divide(joint, within, out=np.zeros_like(within), where=within > 0)


def variance_of_mean(arm: Arm, theta: Floats) -> Floats:
    """Return the variance of the mean of y - theta * x, estimated."""
    spread = arm.spread - 2 * theta * arm.joint_spread + theta**2 * arm.spread_before
    return np.maximum(spread, 0.0) / (arm.customers - 1) / arm.customers


def difference_of_means(
    treated: Arm, control: Arm, theta: Floats | float = 0.0, critical: Floats | float = np.nan
) -> Difference:
    """Compare arms of two customers or more each, of which at least one varies.

    Parameters
    ----------
    treated, control
        The arms.
    theta
        As `slope` returns it; 0 is Welch's test.
    critical
        By how many standard errors the interval reaches to each side; NaN: as Student's t says for 95 %. With a value
        the p-value is not one that may be looked at, and is NaN.
    """
    theta = np.broadcast_to(theta, treated.mean.shape)
    first, second = variance_of_mean(treated, theta), variance_of_mean(control, theta)
    error = np.sqrt(first + second)
    fitted = np.where(theta == 0, 1, 2)  # numbers that are estimated for an arm: its mean, and the slope
    scaled = first**2 / (treated.customers - fitted) + second**2 / (control.customers - fitted)
    freedom = np.divide((first + second) ** 2, scaled, out=np.full_like(error, np.nan), where=scaled > 0)
    effect = treated.mean - control.mean - theta * (treated.mean_before - control.mean_before)
    critical = np.broadcast_to(critical, effect.shape)
    half = np.where(np.isnan(critical), stdtrit(freedom, (1 + CONFIDENCE) / 2), critical) * error
    distance = np.divide(np.abs(effect), error, out=np.zeros_like(error), where=error > 0)
    p_value = np.where(np.isnan(critical), 2 * stdtr(freedom, -distance), np.nan)
    return Difference(effect, effect - half, effect + half, p_value)
