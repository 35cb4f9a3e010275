"""How often an uplift list is made where there is no order to find, and what it earns where there is one.

Made-up companies of four kinds of customers, as the demo has them, with a past as it is observed before a campaign. In
the null world a campaign changes nobody, or everybody alike; a run has several campaigns, and one list is an error.
"""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.rows import Row, at_least, at_most
from mining.uplift.learners import DOUBLY_ROBUST, FIT
from mining.uplift.validation import Trial, evidence, is_found, trial

Floats = NDArray[np.float64]
# Share of customers; rate ~ Gamma(r, alpha) and hazard ~ Gamma(s, beta) per week; response to a campaign.
KINDS = np.array(
    [
        (0.22, 2.0, 16.0, 1.5, 260.0, 0.6),
        (0.33, 1.2, 24.0, 0.9, 60.0, 1.6),
        (0.20, 1.8, 36.0, 1.2, 150.0, 1.0),
        (0.25, 0.6, 20.0, 1.0, 8.0, 0.8),
    ]
)
WINDOW_DAYS = 28
TENURE_DAYS = (10.0, 900.0)
RUNS, CAMPAIGNS, SIZE = 200, 3, 3_000
FLAT = 0.15
LARGE, LIFT = 8_000, 0.45
DEPTHS = (0.1, 0.2, 0.3)
COMPANIES = 20


def customers(size: int, seed: int) -> pd.DataFrame:
    """Customers with their past, the purchases that they would make (`base`), and what a full lift adds (`uplift`)."""
    random = np.random.default_rng(seed)
    _, r, alpha, s, beta, response = KINDS[random.choice(len(KINDS), size, p=KINDS[:, 0])].T
    rate, hazard = random.gamma(r) / alpha / 7, random.gamma(s) / beta / 7
    tenure = random.uniform(*TENURE_DAYS, size)
    life = random.exponential(1 / hazard)
    count = 1 + random.poisson(rate * np.minimum(tenure, life))
    row = np.repeat(np.arange(size), count)
    at = random.random(len(row)) * np.minimum(tenure, life)[row]
    at[np.append(True, row[1:] != row[:-1])] = 0
    ago = np.floor(tenure[row] - at)
    recency = np.full(size, np.inf)
    np.minimum.at(recency, row, ago)
    base = rate * np.clip(life - tenure, 0, WINDOW_DAYS)
    within = {f"purchase_days_{d}d": np.bincount(row, ago < d, size) for d in (28, 84, 365)}
    return pd.DataFrame(
        {
            "customer_id": [f"c{number:07d}" for number in range(size)],
            "recency_days": recency,
            "tenure_days": np.floor(tenure),
            "purchase_days": count.astype(float),
            **within,
            "net_sales": count * random.gamma(6, 8, size),
            "base": base,
            "uplift": base * response,
        }
    )


def outcomes(people: pd.DataFrame, seed: int, *, lift: float, flat: float = 0.0) -> pd.DataFrame:
    """Rows of a randomised campaign among these customers; `flat` is what it adds for everybody alike."""
    random = np.random.default_rng([seed, 1])
    is_treated = random.random(len(people)) < 0.5
    bought = random.poisson(people["base"]) + is_treated * random.poisson(lift * people["uplift"] + flat)
    arm = np.where(is_treated, "treated", "control")
    return people.drop(columns=["base", "uplift"]).assign(arm=arm, outcome_purchases=bought.astype(float))


def published(seed: int, *, campaigns: int, size: int) -> bool:
    """Whether a run of the null world makes a list: of campaigns that change nobody, and of others, all alike."""
    trials = {
        str(number): trial(outcomes(customers(size, seed * 100 + number), seed, lift=0, flat=FLAT * (number % 2)))
        for number in range(campaigns)
    }
    return any(map(is_found, evidence(trials).values()))


def gains(predicted: Floats, uplift: Floats) -> list[float]:
    """What the order earns above one at random, as a share of what the true one earns, at 10, 20 and 30 % depth."""

    def top(score: Floats, depth: float) -> float:
        return float(uplift[np.argsort(-score)[: int(len(score) * depth)]].mean() - uplift.mean())

    return [top(predicted, depth) / top(uplift, depth) for depth in DEPTHS]


def run() -> list[Row]:
    """Measure."""
    lists = sum(published(seed, campaigns=CAMPAIGNS, size=SIZE) for seed in range(RUNS))
    chance = 3 * math.sqrt(0.05 * 0.95 / RUNS)
    rows = [
        at_most(round(0.05 + chance, 3), "null runs that make an uplift list", lists / RUNS, f"share of {RUNS} runs")
    ]
    found, shares = 0, []
    for seed in range(COMPANIES):
        people = customers(LARGE, 10_000 + seed)
        of: Trial = trial(outcomes(people, seed, lift=LIFT))
        if is_found(evidence({"campaign": of})["campaign"]):
            found += 1
            ordered = trial(people.assign(arm="treated", outcome_purchases=people["uplift"]))
            shares.append(gains(FIT[DOUBLY_ROBUST](*of, of.share).predict(ordered.inputs), ordered.outcome))
    missed = 1 - found / COMPANIES
    rows.append(at_most(0.4, f"uplift lists missed, campaigns of {LARGE:,} customers", missed, f"share of {COMPANIES}"))
    for depth, share in zip(DEPTHS, np.mean(shares, axis=0), strict=True):
        rows.append(at_least(0.5, f"uplift earned at {depth:.0%} depth", float(share), "of the true order's"))
    return rows
