"""What a forecast cannot know is said in a sentence, and only where it is so."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from mining.purchases import reach

DAY = dt.date(2024, 12, 31)


def calendar(*days: str, each: int = 5) -> pd.DataFrame:
    """Purchases of each day of some months."""
    dates = pd.DatetimeIndex(
        [date for period in days for date in pd.period_range(period, period, freq="M").to_timestamp()]
    )
    every = [date for first in dates for date in pd.date_range(first, first + pd.offsets.MonthEnd(0))]
    return pd.DataFrame({"purchase_date": every, "first_purchases": 1, "repeat_purchases": each - 1})


MONTHS = [f"2024-{month:02}" for month in range(1, 13)]


def test_a_gap_of_three_months_is_told() -> None:
    (said,) = reach.silence(calendar(*MONTHS[:4], *MONTHS[7:]), DAY)
    assert said.startswith("Nobody bought from 2024-05-01 to 2024-07-31 (92 days): where purchases are missing")


def test_a_source_that_has_stopped_is_told_and_other_gaps_are_counted() -> None:
    (said,) = reach.silence(calendar(*MONTHS[:2], *MONTHS[3:8]), DAY)
    assert said.startswith("Nobody bought from 2024-09-01 to 2024-12-31 (122 days), and in 1 other such stretches:")


@pytest.mark.parametrize("days", [calendar(*MONTHS), calendar(*MONTHS[::2], each=1).iloc[::40], calendar()])
def test_silence_that_chance_explains_is_not_told(days: pd.DataFrame) -> None:
    assert reach.silence(days, DAY) == []


def test_one_customer_with_most_purchases_is_told() -> None:
    (said,) = reach.weight(np.array([2.0] * 199 + [700.0]))
    assert said.startswith("One of 200 customers has 64% of the purchases (700 days), and decides")
    assert reach.weight(np.array([2.0] * 200)) == reach.weight(np.array([2.0, 700.0])) == []


def test_candidates_that_chance_does_not_tell_apart_are_told() -> None:
    random = np.random.default_rng(5)
    one = random.gamma(2.0, size=400)
    near, worse = one + random.normal(0, 0.5, 400), one + 0.5
    assert reach.undecided({"one": one, "near": near}, "one")
    assert reach.undecided({"one": one, "near": near, "worse": worse}, "one") == []
    assert reach.undecided({"one": one}, "one") == []
