"""Whether quantiles of a customer's value hold, by how often the customer has bought again: 100,000 made-up customers.

The customers live by the model (Pareto/NBD, Gamma-Gamma), whose parameters are learned from their histories. A quantile
q of level p holds where share(value < q) <= p <= share(value <= q); the figure is how far p is from that, at most.
"""

import math

import numpy as np

from benchmarks.rows import Row, at_most
from mining.clv.models import fit_spend
from mining.clv.value import value_quantiles
from mining.purchases import ParetoNBD
from mining.purchases.history import Floats
from mining.purchases.models.simulation import simulate

CUSTOMERS, WEEKS_AHEAD = 100_000, 365 / 7
PURCHASES, SPEND = (0.8, 12.0, 0.6, 20.0), (6.0, 4.0, 30.0)
"""Of the demo's world `clean`: r, alpha, s, beta in weeks, and p, q, gamma in money."""
LEVELS = (0.1, 0.5, 0.9)
STRATA = {"0": (0, 0), "1": (1, 1), "2_to_4": (2, 4), "5_to_9": (5, 9), "10_or_more": (10, math.inf)}
"""Repeat purchases so far, fewest and most."""
TOLERANCE = 0.01


def run() -> list[Row]:
    """Learn from histories of up to three years, and look a year ahead; nothing is discounted."""
    history, later = simulate(ParetoNBD.name, PURCHASES, CUSTOMERS, seed=1, weeks=(1, 156), horizon=WEEKS_AHEAD)
    random, (p, q, gamma) = np.random.default_rng(2), SPEND
    rate, bought = random.gamma(q, 1 / gamma, CUSTOMERS), history.x + 1
    amount, value = (random.gamma(p * np.maximum(count, 1)) / rate * (count > 0) for count in (bought, later))
    model, spend = ParetoNBD().fit(*history), fit_spend(bought, amount / bought)
    quantiles = value_quantiles(model, spend, LEVELS, history, bought, amount, horizon=WEEKS_AHEAD, rate=0.0)
    rows = []
    for name, (fewest, most) in STRATA.items():
        some = (history.x >= fewest) & (history.x <= most)
        away = max(_away(value[some], quantiles[some, place], level) for place, level in enumerate(LEVELS))
        rows.append(at_most(TOLERANCE, f"coverage.{name}_repeats", away, "share", f"{int(some.sum()):,} customers"))
    return rows


def _away(value: Floats, quantile: Floats, level: float) -> float:
    below, at_most_it = float(np.mean(value < quantile)), float(np.mean(value <= quantile))
    return max(below - level, level - at_most_it, 0.0)


if __name__ == "__main__":
    for measure in run():
        print(measure)
