"""What many campaigns say together: shrunk effects, and which of them are certain.

The largest of many effects is large partly by chance. A normal-normal model draws each towards the mean of all: by much
where its own interval is wide, by little where it is narrow. The intervals are those of Morris (1983), Parametric
Empirical Bayes Inference: Theory and Applications, JASA 78, section 5, which hold what the variance between campaigns
is uncertain by. That variance is DerSimonian and Laird's (1986), Meta-analysis in Clinical Trials, Controlled Clinical
Trials 7.
"""

from typing import NamedTuple

import numpy as np

from mining.effects.proportions import NORMAL
from mining.evaluation import Floats

FEWEST = 4
"""Campaigns of which a mean, and a variance between them with its uncertainty, can be learned."""


class Shrunk(NamedTuple):
    """Effects drawn towards their mean, with 95 % intervals; shape (n,) each."""

    effect: Floats
    low: Floats
    high: Floats


def shrink(effect: Floats, error: Floats) -> Shrunk:
    """Draw effects towards the mean of all.

    Parameters
    ----------
    effect, error
        Effects and their standard errors, above zero; shape (n,).

    Returns
    -------
    Shrunk
        NaN where there are fewer than four effects.
    """
    if len(effect) < FEWEST:
        nothing = np.full_like(effect, np.nan)
        return Shrunk(nothing, nothing, nothing)
    number = len(effect)
    total = error**2 + variance_between(effect, error)
    mean = (effect / total).sum() / (1 / total).sum()
    pull = (number - 3) / (number - 1) * error**2 / total
    typical = (error**2 / total).sum() / (1 / total).sum() + (total - error**2)
    of_between = 2 / (number - 3) * pull**2 * typical / total * (effect - mean) ** 2
    half = NORMAL * np.sqrt(error**2 * (1 - pull) + pull**2 / (1 / total).sum() + of_between)
    shrunk = pull * mean + (1 - pull) * effect
    return Shrunk(shrunk, shrunk - half, shrunk + half)


def variance_between(effect: Floats, error: Floats) -> float:
    """Return the variance of the true effects, by DerSimonian and Laird's moments; 0 where chance explains all."""
    weight = 1 / error**2
    mean = (weight * effect).sum() / weight.sum()
    spread = (weight * (effect - mean) ** 2).sum() - (len(effect) - 1)
    return float(max(spread / (weight.sum() - (weight**2).sum() / weight.sum()), 0.0))


def adjusted_p_values(p_value: Floats) -> Floats:
    """Return the p-values after Benjamini and Hochberg (1995), Controlling the False Discovery Rate, JRSS B 57.

    Of the effects whose adjusted p-value is below 5 %, 5 % are expected to be chance.
    """
    order = np.argsort(p_value, kind="stable")
    ranked = p_value[order] * len(p_value) / np.arange(1, len(p_value) + 1)
    adjusted = np.empty_like(ranked)
    adjusted[order] = np.minimum(np.minimum.accumulate(ranked[::-1])[::-1], 1.0)
    return adjusted
