"""Removal effects of a first-order Markov chain of touchpoints."""

import numpy as np
import pandas as pd

START, PURCHASE, NONE = "(start)", "(purchase)", "(none)"
"""Where a way begins, and how it ends. No channel or campaign has such a name."""


def removal_effects(transitions: pd.DataFrame) -> pd.Series:
    """Share of the purchases that would not be reached if a state led nowhere.

    Anderl, Becker, von Wangenheim & Schumann (2016), "Mapping the customer journey", IJRM 33(3). With N = (I - Q)^-1
    of the states between start and end, and x the probability of a purchase from each, a way from the start meets
    state s with probability N[start, s] / N[s, s], so that without s purchases are reached with probability
    x[start] - N[start, s] / N[s, s] * x[s].

    Parameters
    ----------
    transitions
        Columns from_state, to_state, transitions (how often).

    Returns
    -------
    Series
        Removal effect (0 to 1) by state, sorted by it; empty where no way ends with a purchase.
    """
    states = sorted({*transitions["from_state"], *transitions["to_state"]} - {START, PURCHASE, NONE})
    places = {state: place for place, state in enumerate([START, *states])}
    counts = np.zeros((len(places), len(places)))
    bought = np.zeros(len(places))
    total = np.zeros(len(places))
    for start, end, number in zip(*(transitions[n] for n in ("from_state", "to_state", "transitions")), strict=True):
        total[places[start]] += number
        if end in places:
            counts[places[start], places[end]] += number
        elif end == PURCHASE:
            bought[places[start]] += number
    if not states or not bought.any():
        return pd.Series(dtype=np.float64)
    total = np.maximum(total, 1.0)
    visits = np.linalg.inv(np.eye(len(places)) - counts / total[:, None])
    reached = visits @ (bought / total)
    lost = visits[0, 1:] / np.diag(visits)[1:] * reached[1:] / reached[0]
    return pd.Series(np.clip(np.round(lost, 6), 0.0, 1.0), index=states)
