"""Whether the arms are as large as they were planned to be.

Where they are not, customers were lost from one arm, and those who are left are not alike: no comparison holds.
Fabijan et al. (2019), Diagnosing Sample Ratio Mismatch in Online Controlled Experiments, KDD.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from mining.evaluation import Floats

MISMATCH = 0.001
"""A p-value below it is a mismatch: one campaign of a thousand is blocked by chance."""


def sample_ratio_p_value(treated: Floats, control: Floats, control_share: Floats) -> Floats:
    """Return the two-sided exact binomial p-value of the size of the control group: twice the smaller tail.

    Parameters
    ----------
    treated, control
        Customers in each arm; shape (n,).
    control_share
        Share of the control group as planned; NaN where no source says it.

    Returns
    -------
    ndarray
        NaN where the share is.
    """
    everybody = treated + control
    share = np.clip(control_share, 0.0, 1.0)
    tails = binom.cdf(control, everybody, share), binom.sf(control - 1, everybody, share)
    p_value: Floats = np.minimum(2 * np.minimum(*tails), 1.0)
    return p_value


def is_mismatch(p_value: Floats) -> NDArray[np.bool_]:
    """Whether the arms are not what was planned; not known is no mismatch."""
    return np.nan_to_num(p_value, nan=1.0) < MISMATCH
