"""Expected maximum profit of a retention campaign aimed by a churn model.

Verbraken, Verbeke & Baesens (2013), A Novel Profit Maximizing Metric for Measuring Classification Performance of
Customer Churn Prediction Models, IEEE Transactions on Knowledge and Data Engineering 25(5), 961-973.
"""

import numpy as np
from scipy.special import betainc
from sklearn.metrics import roc_curve

from mining.evaluation import Floats

ALPHA, BETA = 6.0, 14.0
VALUE, INCENTIVE, CONTACT = 200.0, 10.0, 1.0


def roc_hull(outcome: Floats, probability: Floats) -> tuple[Floats, Floats]:
    """Upper convex hull of the ROC curve: shares of churners and of others contacted, from (0, 0) to (1, 1)."""
    others, churners, _ = roc_curve(outcome, probability)
    hull: list[tuple[float, float]] = []
    for point in zip(others.tolist(), churners.tolist(), strict=True):
        while len(hull) > 1 and _turns_left(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    xs, ys = zip(*hull, strict=True)
    return np.array(ys), np.array(xs)


def _turns_left(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) >= 0


def expected_maximum_profit(outcome: Floats, probability: Floats) -> float:
    """Profit per customer when the best share of customers is contacted, in the unit of `VALUE`.

    A contacted would-be churner accepts the offer with probability g ~ Beta(6, 14). With v the customer's value (200),
    d the offer's cost (10) and f the contact's (1), contacting shares F0 of the churners and F1 of the others earns

        P = v * {[g (1 - d/v) - f/v] p0 F0 - (d/v + f/v) p1 F1}

    The best (F0, F1) for a given g is a corner of the ROC curve's convex hull; between the values of g at which the
    best corner changes, P is linear in g, so its mean is a sum of incomplete beta functions.
    The four constants are the paper's: they make models comparable, not a forecast of a company's own profit.
    """
    delta, phi = INCENTIVE / VALUE, CONTACT / VALUE
    churners, others = roc_hull(outcome, probability)
    p0 = float(np.mean(outcome))
    p1 = 1 - p0
    gain, loss = p0 * np.diff(churners), p1 * np.diff(others)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = ((delta + phi) * loss / gain + phi) / (1 - delta)
    edges = np.concatenate([[0.0], np.where(gain > 0, np.clip(change, 0.0, 1.0), 1.0), [1.0]])
    weight = np.diff(betainc(ALPHA, BETA, edges))
    mean = ALPHA / (ALPHA + BETA) * np.diff(betainc(ALPHA + 1, BETA, edges))
    fixed = phi * p0 * churners + (delta + phi) * p1 * others
    return float(VALUE * np.sum((1 - delta) * p0 * churners * mean - fixed * weight))
