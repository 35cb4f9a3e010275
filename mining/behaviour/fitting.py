"""Fitting the mixture: starts, EM steps, and their acceleration."""

from typing import NamedTuple

import numpy as np
from sklearn.cluster import KMeans

from mining.behaviour.histories import Calendar, Floats
from mining.behaviour.mixture import TOLERANCE, WEEK_DAYS, Parameters, Summary, e_step, m_step

MOST_STEPS = 150
STARTING_CERTAINTY = 0.8
"""Responsibility of a customer's component at the start; the rest is shared by the others."""


class Fit(NamedTuple):
    """A fitted mixture: its parameters, each customer's responsibilities (customers, components), log likelihood."""

    parameters: Parameters
    responsible: Floats
    log_likelihood: float
    has_converged: bool


def starting_responsibilities(seen: Summary, components: int) -> Floats:
    """Groups of customers alike in how much, how often and at which price they buy (customers, components)."""
    if components == 1:
        return np.ones((seen.customers, 1))
    repeats = seen.repeats[seen.pattern]
    discounted = seen.histories.sums(seen.histories.is_discounted.astype(float)) / (repeats + 1)
    traits = np.stack([np.log((seen.spent + 1e-9) / np.maximum(seen.orders, 1)), np.log1p(repeats), discounted], axis=1)
    spread = traits.std(axis=0)
    traits = (traits - traits.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    group = KMeans(components, n_init=3, random_state=0).fit_predict(traits)
    rest = (1 - STARTING_CERTAINTY) / (components - 1)
    return np.where(np.arange(components) == group[:, None], STARTING_CERTAINTY, rest)


def first_parameters(seen: Summary, calendar: Calendar, responsible: Floats) -> Parameters:
    """Return parameters to start from: the components' own amounts and counts, no season, no price response."""
    components = responsible.shape[1]
    weight = responsible.sum(axis=0)
    amount = (responsible.T @ seen.spent) / np.maximum(responsible.T @ seen.orders, 1e-9)
    weeks = ((calendar.days - seen.first) / WEEK_DAYS)[seen.pattern]
    rate = np.maximum((responsible.T @ seen.repeats[seen.pattern]) / np.maximum(responsible.T @ weeks, 1e-9), 1e-6)
    order_shape = 4.0
    spend_rate = order_shape / np.maximum(amount, 1e-9)
    return Parameters(
        weight / weight.sum(),
        np.stack([np.ones(components), 1 / rate / 2], axis=1),
        np.stack([np.ones(components), np.full(components, calendar.days / WEEK_DAYS)], axis=1),
        np.stack([np.full(components, 4.0), 4.0 / spend_rate], axis=1),
        np.ones((components, calendar.cells)),
        np.ones(components),
        order_shape,
    )


def fit(
    seen: Summary,
    calendar: Calendar,
    start: Parameters,
    most_steps: int = MOST_STEPS,
    *,
    has_one_profile: bool = False,
) -> Fit:
    """Fit by EM from a start. Two steps show where it goes, and the third leaps there (SQUAREM, scheme S3).

    A leap that lowers the likelihood is not taken. With one profile, all components have everybody's season and
    response to prices.
    """
    enough = TOLERANCE * seen.customers
    parameters, steps, best = start, 0, -np.inf
    responsible, likelihood, expected = e_step(seen, calendar, parameters)
    while steps < most_steps:
        once = m_step(seen, calendar, parameters, responsible, expected, has_one_profile=has_one_profile)
        once_responsible, once_likelihood, once_expected = e_step(seen, calendar, once)
        twice = m_step(seen, calendar, once, once_responsible, once_expected, has_one_profile=has_one_profile)
        steps += 2
        r, v = once.vector() - parameters.vector(), twice.vector() - 2 * once.vector() + parameters.vector()
        length = -max(float(np.sqrt((r @ r) / max(float(v @ v), 1e-300))), 1.0)
        leapt = parameters.like(parameters.vector() - 2 * length * r + length**2 * v)
        leap = e_step(seen, calendar, leapt)
        steps += 1
        if not leap[1] >= once_likelihood:
            leapt, leap = twice, e_step(seen, calendar, twice)
            steps += 1
        parameters, (responsible, likelihood, expected) = leapt, leap
        if abs(likelihood - best) < enough:
            return Fit(parameters, responsible, likelihood, has_converged=True)
        best = likelihood
    return Fit(parameters, responsible, likelihood, has_converged=False)


def fit_components(seen: Summary, calendar: Calendar, components: int) -> Fit:
    """Fit a number of components from groups of customers who buy alike."""
    responsible = starting_responsibilities(seen, components)
    return fit(seen, calendar, first_parameters(seen, calendar, responsible))
