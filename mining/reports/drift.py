"""How far what a model reads is from what it learned from: the population stability index (PSI) of each input.

PSI = sum over bins of (q - p) ln(q / p), with the shares p before and q now (Siddiqi 2006, "Credit Risk Scorecards").
Bins are learned once, from the customers whom the model learned from last, and stored with it: an input with few values
has a bin for each, any other one tenths; what is missing, and a value that was not there before, have bins of their
own. `marts.score_drift` says what a PSI means.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import chi2

from mining.evaluation import DIGITS, Floats

FEW_VALUES = 10
TENTHS = np.arange(1, 10) / 10
CHANCE = 0.999
"""Drift counts where chance would bring as large a PSI once in a thousand: a release has dozens of inputs."""
SIGNIFICANT = 10
"""Significant digits of stored values; those that are compared with them have as many."""


class Drift(NamedTuple):
    """PSI of an input, the largest one that chance explains, and how many values were missing before and now."""

    psi: float
    psi_by_chance: float
    reference_missing_share: float
    missing_share: float


def profile(date: dt.date, inputs: Mapping[str, Floats]) -> dict[str, Any]:
    """Describe the inputs of the customers of a day, as JSON types."""
    customers = max((len(values) for values in inputs.values()), default=0)
    return {
        "date": date.isoformat(),
        "customers": customers,
        "inputs": {name: _bins(values) for name, values in inputs.items()},
    }


def compare(bins: Mapping[str, Any], values: Floats) -> Drift:
    """Compare an input with its stored bins.

    A PSI of two samples of one distribution is, in large samples, chi-square of bins - 1 degrees of freedom times
    1/n + 1/m (Yurdakul 2018, "Statistical Properties of Population Stability Index"). Half a customer is added to each
    bin, so that an empty one is no infinite distance.
    """
    before, now = np.array(bins["counts"], dtype=np.float64), _counts(bins["values"], bins["cuts"], values)
    missing = [float(counts[-1] / max(counts.sum(), 1.0)) for counts in (before, now)]
    filled = before + now > 0
    before, now = before[filled], now[filled]
    psi = chance = 0.0
    if len(before) > 1 and before.sum() and now.sum():
        p, q = ((counts + 0.5) / (counts.sum() + 0.5 * len(counts)) for counts in (before, now))
        psi = float(np.sum((q - p) * np.log(q / p)))
        chance = float(chi2.ppf(CHANCE, len(before) - 1) * (1 / before.sum() + 1 / now.sum()))
    return Drift(*(round(number, DIGITS) for number in (psi, chance, *missing)))


def _bins(values: Floats) -> dict[str, Any]:
    known = _known(values)
    distinct = np.unique(known)
    few = distinct.tolist() if len(distinct) <= FEW_VALUES else []
    cuts = [] if few or not len(known) else np.unique(np.quantile(known, TENTHS, method="lower")).tolist()
    return {"values": few, "cuts": cuts, "counts": _counts(few, cuts, values).astype(int).tolist()}


def _counts(few: list[float], cuts: list[float], values: Floats) -> Floats:
    """Customers in each bin: of few values one each and one for any other value, else tenths; missing comes last."""
    known = _known(values)
    if cuts:
        place, bins = np.searchsorted(np.array(cuts), known), len(cuts) + 1
    else:
        place, bins = np.searchsorted(np.array(few), known), len(few) + 1
        place = np.where(np.isin(known, few), place, len(few))
    return np.append(np.bincount(place, minlength=bins), len(values) - len(known)).astype(np.float64)


def _known(values: Floats) -> Floats:
    """The values that are there, with ten significant digits: as many as are stored."""
    known = values[np.isfinite(values)]
    scale = np.power(10.0, SIGNIFICANT - 1 - np.floor(np.log10(np.where(known == 0, 1.0, np.abs(known)))))
    return np.asarray(np.round(known * scale) / scale, dtype=np.float64)
