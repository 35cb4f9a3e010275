"""Time changes: on a clock's time, a rate (or hazard) that moves with season and events is constant.

A clock is the integral of a relative factor over days, piecewise linear between its knots. A Poisson process with rate
rate * factor(t) is one of constant rate on the clock (Çinlar 1975, Introduction to Stochastic Processes, 4.7).
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from demo.world.laws import HORIZON_DAYS, START, WINDOW_DAYS, LatentClass, World, day_of

Floats = NDArray[np.float64]
FIRST_DAY = -1100  # before the oldest arrival
LAST_DAY = HORIZON_DAYS + 400  # a year after the latest as-of day
DAYS = np.arange(FIRST_DAY, LAST_DAY)


@dataclass(frozen=True)
class Clock:
    """Monotone map from days to operational days."""

    days: Floats
    elapsed: Floats

    @classmethod
    def from_factors(cls, factors: Floats, per_day: int = 1) -> "Clock":
        """A clock that runs with a factor in each step of 1/per_day days from FIRST_DAY; it shows 0 at day 0."""
        days = np.arange(len(factors) + 1) / per_day + FIRST_DAY
        elapsed = np.concatenate(([0.0], np.cumsum(factors) / per_day))
        return cls(days, elapsed - np.interp(0.0, days, elapsed))

    @property
    def is_plain(self) -> bool:
        """Whether operational time is time."""
        return len(self.days) == 2

    def at(self, days: Floats) -> Floats:
        """Operational time at each time in days."""
        return days if self.is_plain else np.interp(days, self.days, self.elapsed)

    def when(self, elapsed: Floats) -> Floats:
        """Time in days at each operational time."""
        return elapsed if self.is_plain else np.interp(elapsed, self.elapsed, self.days)

    def rate(self, days: Floats) -> Floats:
        """The factor at each time in days."""
        if self.is_plain:
            return np.ones_like(days)
        slopes = np.diff(self.elapsed) / np.diff(self.days)
        return slopes[np.clip(np.searchsorted(self.days, days, side="right") - 1, 0, len(slopes) - 1)]


PLAIN = Clock(np.array([FIRST_DAY, LAST_DAY], dtype=float), np.array([FIRST_DAY, LAST_DAY], dtype=float))


def _is_within(start_day: int, days: int) -> NDArray[np.bool_]:
    return (start_day <= DAYS) & (start_day + days > DAYS)


def _year_wave(top_month: int, top_day: int) -> Floats:
    """A cosine over the year, 1 on the given date of each year."""
    top = (START.replace(month=top_month, day=top_day) - START).days
    return np.cos(2 * np.pi * (DAYS - top) / 365.25)


def gift_days() -> NDArray[np.bool_]:
    """The weeks in which presents are bought: before Lunar New Year, Mother's Day and in December."""
    gifts = np.zeros(len(DAYS), dtype=bool)
    for year, lunar in ((2023, (1, 22)), (2024, (2, 10)), (2025, (1, 29)), (2026, (2, 17))):
        for (month, day), before in ((lunar, 14), ((5, 14), 10), ((12, 24), 24)):
            gifts |= _is_within(day_of(START.replace(year, month, day) - timedelta(days=before)), before)
    return gifts


def _in_window_mean_one(factors: Floats) -> Floats:
    return factors / factors[-FIRST_DAY : WINDOW_DAYS - FIRST_DAY].mean()


def purchase_factors(world: World, latent: LatentClass) -> Floats:
    """Relative rate of purchases per day, mean 1 over the window without the shock."""
    season = world.season
    weekday = np.array(season.weekday)[(DAYS + START.weekday()) % 7]
    factors = (1 + season.yearly_trend) ** (DAYS / 365.25) * weekday * (1 + season.year_amplitude * _year_wave(12, 1))
    if latent.gift_season:
        factors = factors * (1 + latent.gift_season * gift_days())
    for promotion in world.promotions:
        factors = factors * (
            1 + latent.promotion_response * promotion.boost * _is_within(promotion.start_day, promotion.days)
        )
    factors = _in_window_mean_one(factors)
    if world.shock:
        factors = (
            np.where(_is_within(world.shock.start_day, world.shock.rate_days), world.shock.rate_factor, 1.0) * factors
        )
    return factors


def price_pressure(world: World, latent: LatentClass) -> Floats:
    """Return what price rises add to the hazard's factor per day."""
    pressure = np.zeros(len(DAYS))
    for rise in world.price_rises:
        pressure += latent.price_sensitivity * rise.effect * _is_within(rise.start_day, rise.days)
    return pressure


def outside_factor(world: World) -> Floats:
    """Return the factor of the hazard per day under the shock."""
    if world.shock is None:
        return np.ones(len(DAYS))
    return np.where(_is_within(world.shock.start_day, world.shock.hazard_days), world.shock.hazard_factor, 1.0)


@lru_cache(maxsize=64)
def purchase_clock(world: World, class_index: int) -> Clock:
    """The clock on which a class buys at a constant rate."""
    factors = purchase_factors(world, world.classes[class_index])
    hours = np.array(world.season.hours) / np.mean(world.season.hours)
    if np.ptp(factors) == 0 and np.ptp(hours) == 0:
        return PLAIN
    if np.ptp(hours) == 0:
        return Clock.from_factors(factors)
    return Clock.from_factors(np.outer(factors, hours).ravel(), per_day=24)


@lru_cache(maxsize=64)
def hazard_clock(world: World, class_index: int) -> Clock:
    """The clock on which a class leaves with a constant hazard, failures aside."""
    pressure = price_pressure(world, world.classes[class_index])
    factors = (1 + world.season.hazard_amplitude * _year_wave(1, 15)) * (1 + pressure) * outside_factor(world)
    return PLAIN if np.ptp(factors) == 0 else Clock.from_factors(factors)
