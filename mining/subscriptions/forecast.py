"""The chance that running contracts end within several horizons, by cause."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mining.subscriptions.hazards import CAUSES, Hazard
from mining.subscriptions.periods import exposure
from mining.subscriptions.terms import Days, Floats, Ints, Terms

DIGITS = 6


class EndForecast(NamedTuple):
    """What is said of running contracts: shapes (horizons, contracts), and (contracts,) of the next renewal."""

    voluntary: Floats
    involuntary: Floats
    renewals: Ints
    next_renewal: Days

    @property
    def total(self) -> Floats:
        """P(ends within the horizon), six digits; never less for a longer one."""
        return np.round(self.voluntary + self.involuntary, DIGITS)


def forecast(hazard: Hazard, running: Terms, horizons: Sequence[int], *, is_at_renewals: bool) -> EndForecast:
    """Forecast the end of contracts that run on the terms' day.

    P(ends within h) adds up what each period of the horizon takes of those who came so far; of a period that the
    horizon cuts, what its share of days does. So a longer horizon never says less.

    Parameters
    ----------
    hazard
        A fitted model.
    running
        Contracts that have not ended.
    horizons
        Days, ascending.
    is_at_renewals
        Contracts end on renewal dates alone.
    """
    done = running.renewals_by(running.day)
    until = [running.day + np.timedelta64(days, "D") for days in horizons]
    renewals = np.stack([running.renewals_by(day) - done for day in until]) if horizons else np.zeros((0, len(done)))
    shape = (len(horizons), running.number)
    survival, ends = np.ones(shape), np.zeros((len(CAUSES), *shape))
    for ahead in range(1, int(renewals.max(initial=0)) + 2):
        chance = hazard.predict(running, done + ahead)
        total = np.clip(chance.sum(axis=0), 0.0, 1.0)
        share = np.divide(chance, total, out=np.zeros_like(chance), where=total > 0)
        weight = np.stack([exposure(running, done, ahead, days, is_at_renewals=is_at_renewals) for days in horizons])
        taken = survival * (1 - (1 - total) ** weight)
        ends += share[:, None, :] * taken
        survival = survival - taken
    voluntary, involuntary = np.round(np.maximum.accumulate(ends, axis=1), DIGITS)
    return EndForecast(voluntary, involuntary, renewals.astype(np.int64), running.renewal(done + 1))
