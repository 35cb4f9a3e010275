"""Whether the intervals of campaigns keep their promise: simulated campaigns whose true effects are known.

`python -m benchmarks.effects 500` simulates another number of campaigns.

Half of the campaigns have no effect. Customers who were active before buy five times as often; what buyers bring is
log-normal. A campaign counts where `lists preview` would have admitted it: with a chance of 80 % or more of finding the
effect that is worth finding, and enough buyers in the control group.
"""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from benchmarks.rows import at_least, at_most
from mining.effects.means import difference_of_means, slope
from mining.effects.moments import Arm, Difference
from mining.effects.power import is_admitted
from mining.effects.proportions import difference_of_shares
from mining.effects.sample_ratio import is_mismatch, sample_ratio_p_value
from mining.effects.trust import expected_buyers, is_mean_trusted
from mining.evaluation import Floats

CAMPAIGNS = 5_000
SEED = 20261130
CONTROL_SHARE = (0.05, 0.5)
TREATED = (500, 30_000)
"""Customers; evenly on a logarithmic scale."""
ACTIVE, MORE_ACTIVE = 0.3, 5.0
BUYERS = 0.08
"""Share of the control group that buys, in half of the campaigns; evenly from 3 to 20 % in the others."""
AGAIN = 0.3
"""Further purchases of a buyer, on average."""
SPREAD = 1.0
"""Standard deviation of the logarithm of an amount."""
CAP_QUANTILE = 0.95
"""As `features.campaign_arms` caps amounts."""
LOST, LARGE = 0.1, 5_000
"""Share of a control group that a planted mismatch loses, and the customers in it from which on it must be found."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Simulated:
    """Campaigns, one element each: arms of plain and capped margin and of purchases, buyers, and what is true."""

    control_share: Floats
    plain: tuple[Arm, Arm]
    capped: tuple[Arm, Arm]
    purchases: tuple[Arm, Arm]
    buyers: tuple[Floats, Floats]
    share_effect: Floats
    purchases_effect: Floats
    plain_effect: Floats
    capped_effect: Floats
    is_admitted: Flags

    @property
    def customers(self) -> tuple[Floats, Floats]:
        """Of both arms."""
        return self.plain[0].customers, self.plain[1].customers

    @property
    def has_effect(self) -> Flags:
        """Whether a campaign does anything."""
        return self.share_effect > 0


def simulate(campaigns: int, seed: int) -> Simulated:
    """Draw campaigns and what their customers do."""
    random = np.random.default_rng(seed)
    share = random.uniform(*CONTROL_SHARE, campaigns)
    least, most = map(float, np.log(TREATED))
    everybody = np.rint(np.exp(random.uniform(least, most, campaigns)) / (1 - share)).astype(int)
    control = random.binomial(everybody, share)
    rate = np.where(np.arange(campaigns) % 4 < 2, BUYERS, random.uniform(0.03, 0.2, campaigns))
    worth_finding = np.maximum(rate / 2, 0.02)
    effect = np.where(np.arange(campaigns) % 2 == 0, 0.0, worth_finding * random.uniform(0.5, 1.5, campaigns))
    rates = rate + effect, rate
    drawn = [
        _Drawn.of(random, size, chance) for size, chance in zip((everybody - control, control), rates, strict=True)
    ]
    cap = _caps(drawn, campaigns)
    planned = (everybody * (1 - share)).astype(int), (everybody * share).astype(int)
    admitted = [is_admitted(*plan) for plan in zip(*planned, rate, worth_finding, strict=True)]
    return Simulated(
        control_share=share,
        plain=(drawn[0].arm(drawn[0].amount), drawn[1].arm(drawn[1].amount)),
        capped=(drawn[0].capped(cap), drawn[1].capped(cap)),
        purchases=(drawn[0].arm(drawn[0].purchases), drawn[1].arm(drawn[1].purchases)),
        buyers=(drawn[0].buyers, drawn[1].buyers),
        share_effect=effect,
        purchases_effect=effect * (1 + AGAIN),
        plain_effect=effect * np.exp(SPREAD**2 / 2),
        capped_effect=effect * mean_up_to(cap),
        is_admitted=np.array(admitted),
    )


@dataclass(frozen=True)
class _Drawn:
    """An arm of each campaign: customers, those active before, and what each buyer did, by campaign."""

    customers: Floats
    active: Floats
    campaign: NDArray[np.int64]
    amount: Floats
    purchases: Floats
    was_active: Floats

    @classmethod
    def of(cls, random: np.random.Generator, customers: NDArray[np.int64], rate: Floats) -> "_Drawn":
        inactive_rate = rate / (ACTIVE * MORE_ACTIVE + 1 - ACTIVE)
        active = random.binomial(customers, ACTIVE)
        counts = np.stack(
            [
                random.binomial(active, np.minimum(inactive_rate * MORE_ACTIVE, 1.0)),
                random.binomial(customers - active, inactive_rate),
            ]
        )
        campaign = np.repeat(np.tile(np.arange(len(customers)), 2), counts.ravel())
        was_active = np.repeat([1.0, 0.0], counts.sum(axis=1))
        amount = random.lognormal(0.0, SPREAD, len(campaign))
        purchases = (1 + random.poisson(AGAIN, len(campaign))).astype(float)
        return cls(customers.astype(float), active.astype(float), campaign, amount, purchases, was_active)

    @property
    def buyers(self) -> Floats:
        return self._sum(np.ones_like(self.amount))

    def capped(self, cap: Floats) -> Arm:
        return self.arm(np.minimum(self.amount, cap[self.campaign]))

    def arm(self, done: Floats) -> Arm:
        total, squares, cubes = (self._sum(done**power) for power in (1, 2, 3))
        product = self._sum(done * self.was_active)
        return Arm(self.customers, total, squares, cubes, self.active, self.active, product)

    def _sum(self, values: Floats) -> Floats:
        return np.bincount(self.campaign, values, len(self.customers)).astype(float)


def _caps(drawn: list[_Drawn], campaigns: int) -> Floats:
    """Return the cap of each campaign: the quantile of the amounts of the buyers of both arms."""
    campaign = np.concatenate([arm.campaign for arm in drawn])
    amount = np.concatenate([arm.amount for arm in drawn])
    ordered = amount[np.lexsort((amount, campaign))]
    counts = np.bincount(campaign, minlength=campaigns)
    first = np.cumsum(counts) - counts
    return ordered[first + np.ceil(CAP_QUANTILE * counts).astype(int) - 1]


def mean_up_to(cap: Floats) -> Floats:
    """Return the mean amount of a buyer where none counts for more than the cap."""
    scaled = np.log(cap) / SPREAD
    mean: Floats = np.exp(SPREAD**2 / 2) * norm.cdf(scaled - SPREAD) + cap * norm.sf(scaled)
    return mean


def misses(found: Difference, truth: Floats, rows: Flags) -> tuple[float, float]:
    """Return the shares of intervals that lie above and below the truth."""
    return float(np.mean(found.low[rows] > truth[rows])), float(np.mean(found.high[rows] < truth[rows]))


def conversions(made: Simulated) -> Difference:
    """The interval of the share of customers who buy, as the job effects computes it."""
    treated, control = made.customers
    return difference_of_shares(made.buyers[0], treated, made.buyers[1], control)


def means(arms: tuple[Arm, Arm]) -> Difference:
    """The interval of purchases and of the capped margin, as the job effects computes it."""
    return difference_of_means(*arms, slope(*arms))


def plain_margins(made: Simulated) -> tuple[Difference, Flags]:
    """The interval of the plain mean, and where it is shown."""
    buyers = expected_buyers(*made.customers, *made.buyers)
    return difference_of_means(*made.plain), is_mean_trusted(*made.plain, buyers)


def run(campaigns: int = CAMPAIGNS) -> list[dict[str, Any]]:
    """Measure how often intervals hold the truth, and on which side they miss it."""
    made = simulate(campaigns, SEED)
    plain, is_shown = plain_margins(made)
    rows = []
    for name, found, truth in (
        ("conversion", conversions(made), made.share_effect),
        ("purchases", means(made.purchases), made.purchases_effect),
        ("capped_margin", means(made.capped), made.capped_effect),
    ):
        rows += _kept(name, found, truth, made)
    above, below = misses(plain, made.plain_effect, is_shown)
    hidden = misses(plain, made.plain_effect, ~is_shown)
    about = (
        f"{is_shown.sum():,} of {campaigns:,} shown; "
        f"of the others {1 - sum(hidden):.1%} covered, {hidden[0]:.1%} above, {hidden[1]:.1%} below"
    )
    rows += [
        at_least(0.93, "effects.plain_margin.covered", 1 - above - below, "share", about),
        at_most(0.045, "effects.plain_margin.missed_on_a_side", max(above, below), "share", about),
    ]
    return [*rows, *_sizes(made)]


def _kept(name: str, found: Difference, truth: Floats, made: Simulated) -> list[dict[str, Any]]:
    admitted, silent = made.is_admitted, made.is_admitted & ~made.has_effect
    covered = 1 - sum(misses(found, truth, admitted))
    called = misses(found, truth, silent)
    about = f"{admitted.sum():,} admitted campaigns of {len(admitted):,}"
    sides = f"{silent.sum():,} without effect: {called[0]:.1%} called better, {called[1]:.1%} worse"
    return [
        at_least(0.94, f"effects.{name}.covered", covered, "share", about),
        at_most(0.96, f"effects.{name}.covered_at_most", covered, "share", about),
        at_most(0.057, f"effects.{name}.no_effect_called_one", sum(called), "share", sides),
        at_least(0.25, f"effects.{name}.rarer_side", min(called) / sum(called), "share of the calls", sides),
    ]


def _sizes(made: Simulated) -> list[dict[str, Any]]:
    treated, control = made.customers
    false_alarms = float(np.mean(is_mismatch(sample_ratio_p_value(treated, control, made.control_share))))
    left = np.rint(control * (1 - LOST))
    is_blocked = is_mismatch(sample_ratio_p_value(treated, left, made.control_share))
    large = control >= LARGE
    about = f"{LOST:.0%} of a control group of {LARGE:,} or more lost"
    return [
        at_most(0.002, "effects.sample_ratio.false_alarms", false_alarms, "share", "level .001"),
        at_least(0.95, "effects.sample_ratio.found", float(np.mean(is_blocked[large])), "share", about),
    ]


if __name__ == "__main__":
    for measured in run(*map(int, sys.argv[1:])):
        print(measured)
