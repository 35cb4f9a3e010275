"""All measures of one run, in the order of the table."""

from dataclasses import dataclass

import pandas as pd

from demo.proof import people
from demo.proof.recovered import (
    campaigns,
    churn,
    clv,
    contracts,
    counts,
    features,
    horizons,
    identity,
    reasons,
    reconciliation,
    segments,
    truncation,
    uplift,
    winback,
)
from demo.proof.row import Row
from demo.proof.trial import Trial


@dataclass(frozen=True)
class Findings:
    """Rows of the table, and what the picture draws."""

    rows: list[Row]
    purchases: pd.DataFrame | None
    churn: pd.DataFrame | None
    effects: pd.DataFrame | None


def measure(trial: Trial) -> Findings:
    """Compare what one run published with the truth."""
    people.link(trial)
    future, leaving, effects = clv.forecast(trial), churn.forecast(trial), campaigns.effects(trial)
    rows = [
        *identity.measure(trial),
        *features.measure(trial),
        *reconciliation.measure(trial),
        *clv.measure(trial, future),
        *counts.measure(trial, future),
        *churn.measure(trial, leaving),
        *horizons.measure(trial),
        *contracts.measure(trial),
        *winback.measure(trial),
        *reasons.measure(trial),
        *segments.measure(trial),
        *truncation.measure(trial),
        *campaigns.measure(effects),
        *uplift.measure(trial, uplift.lists(trial)),
    ]
    return Findings(rows, clv.curves(future), churn.curves(leaving), effects)
