"""What many campaigns say together: shrunk effects, and which of them are certain.

The largest of many effects is large partly by chance. A normal-normal model (Efron and Morris 1975, Data Analysis
Using Stein's Estimator and its Generalizations, JASA 70) draws each towards the mean of all: by much where its own
interval is wide, by little where it is narrow. The variance between campaigns is that of DerSimonian and Laird (1986),
Meta-analysis in Clinical Trials, Controlled Clinical Trials 7.
"""

from typing import NamedTuple

import numpy as np

from mining.effects.proportions import NORMAL
from mining.evaluation import Floats

FEWEST = 3
"""Campaigns of which a mean and a variance between them can be learned."""


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
        NaN where there are fewer than three effects. The interval holds what the mean of all is uncertain by.
    """
    if len(effect) < FEWEST:
        nothing = np.full_like(effect, np.nan)
        return Shrunk(nothing, nothing, nothing)
    between = variance_between(effect, error)
    weight = 1 / (error**2 + between)
    mean = (weight * effect).sum() / weight.sum()
    pull = error**2 / (error**2 + between)
    shrunk = pull * mean + (1 - pull) * effect
    half = NORMAL * np.sqrt((1 - pull) * error**2 + pull**2 / weight.sum())
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
