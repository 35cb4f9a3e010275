"""Intervals that hold however often somebody looks before the verdict.

The effect so far grows with every day that customers have to buy, and so does its variance. The two-sided normal
mixture boundary of Howard, Ramdas, McAuliffe and Sekhon (2021), Time-uniform, Nonparametric, Nonasymptotic Confidence
Sequences, Annals of Statistics 49, equation 14, is |S| <= sqrt((V + rho) log((V + rho) / (rho alpha^2))); with
estimated variances it holds asymptotically (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024, Annals of Statistics
52). It assumes increments without memory. Those of customers who buy often hang together over time, which makes
crossings rarer.
"""

import numpy as np
from scipy.special import lambertw

from mining.effects.means import CONFIDENCE
from mining.evaluation import Floats

ALPHA = 1 - CONFIDENCE
AT_THE_END = 1 / (-float(lambertw(-(ALPHA**2) / np.e, -1).real) - 1)
"""rho, as a share of the variance at the end, that makes the boundary tightest there (equation 24 of the paper)."""


def always_valid_critical(elapsed: Floats) -> Floats:
    """Return by how many standard errors an interval reaches to each side.

    Parameters
    ----------
    elapsed
        Share of the outcome windows that is over, above 0 to 1: the variance so far is that share of the variance at
        the end, where customers buy at an even pace.

    Returns
    -------
    ndarray
        3.0 at the end, more before: 1.96 may be used for one look only.
    """
    rho = AT_THE_END / elapsed
    critical: Floats = np.sqrt((1 + rho) * np.log((1 + rho) / (rho * ALPHA**2)))
    return critical
