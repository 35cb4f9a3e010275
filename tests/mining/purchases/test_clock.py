"""The purchase clock: what it shows, how it is learned, and that it sees no season where there is none."""

import calendar
import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mining.purchases import ParetoNBD, reach
from mining.purchases.clock import CALENDAR, PLAIN, EventDays, PurchaseClock, history_of
from mining.purchases.season import MonthlySeason
from mining.purchases.timing import learn_clock

START, DAY = np.datetime64("2021-01-01"), dt.date(2023, 12, 31)
BUSY = [1.3, 1.0, 0.8, 0.7, 0.9, 0.9, 0.8, 0.8, 1.0, 1.0, 1.2, 1.8]


def shop(
    factors: list[float],
    customers: int = 3000,
    days: int = 1095,
    seed: int = 5,
    growth: float = 0.0,
    feast: Sequence[EventDays] = (),
) -> tuple[pd.DataFrame, ...]:
    """Features and calendar of Pareto/NBD customers on a clock, who arrive evenly, as of the last day of 2023."""
    clock = PurchaseClock.from_factors(factors).growing(growth, DAY)
    clock = replace(clock, events=tuple(feast))
    random = np.random.default_rng(seed)
    begin = np.datetime64(DAY) - (days - 1)
    shown = clock.weeks(begin - 1, begin + np.arange(days))
    rate = random.gamma(1.2, 1 / 8.0, customers)
    arrival = np.sort(random.integers(0, days, customers))
    leaves = shown[arrival] + random.exponential(1 / random.gamma(1.5, 1 / 60.0, customers))
    rows = []
    for number in range(customers):
        moment = shown[arrival[number]]
        rows.append((number, arrival[number]))
        while True:
            moment += random.exponential(1 / max(rate[number], 1e-9))
            if moment > min(leaves[number], shown[-1]):
                break
            rows.append((number, int(np.searchsorted(shown, moment))))
    bought = pd.DataFrame(rows, columns=["customer_id", "place"]).drop_duplicates()
    bought["purchase_date"] = begin + bought["place"].to_numpy().astype("timedelta64[D]")
    by = bought.groupby("customer_id")["purchase_date"]
    frame = pd.DataFrame(
        {"first_purchase_date": by.min(), "last_purchase_date": by.max(), "purchase_days": by.size().astype(float)}
    ).assign(as_of_date=pd.Timestamp(DAY))
    is_first = bought["purchase_date"] == by.transform("min")
    counts = bought.assign(first_purchases=is_first, repeat_purchases=~is_first)
    columns = ["first_purchases", "repeat_purchases"]
    return frame.reset_index(), counts.groupby("purchase_date")[columns].sum().astype(float).reset_index()


def test_a_clock_without_season_is_the_calendar() -> None:
    days = np.array(["2024-02-28", "2024-12-31"], dtype="datetime64[D]")
    assert PLAIN.is_plain
    assert PLAIN.weeks("2024-01-01", days).tolist() == [58 / 7, 365 / 7]
    assert CALENDAR.weeks(52.0) == 52.0
    assert CALENDAR.after(3.0).weeks(52.0) == 52.0


def test_the_clock_runs_with_the_factor_of_each_day_and_a_year_keeps_its_length() -> None:
    clock = PurchaseClock.from_factors(BUSY)
    factors = dict(zip(range(1, 13), clock.factors, strict=True))
    for month in range(1, 13):
        length = calendar.monthrange(2023, month)[1]
        before = dt.date(2023, month, 1) - dt.timedelta(days=1)
        shown = float(clock.weeks(before, dt.date(2023, month, length)))
        assert shown == pytest.approx(factors[month] * length / 7)
    assert float(clock.weeks("2020-12-31", "2024-12-31")) == pytest.approx(1461 / 7, rel=1e-4)


def test_ahead_adds_up_and_takes_fractions_of_days() -> None:
    ahead = PurchaseClock.from_factors(BUSY).ahead(dt.date(2023, 11, 20))
    assert ahead.weeks(10.3) == pytest.approx(ahead.weeks(3.1) + ahead.after(3.1).weeks(7.2))
    assert ahead.weeks(np.array([1.0, 4.0])).tolist() == [ahead.weeks(1.0), ahead.weeks(4.0)]


def test_what_a_customer_s_clock_shows_does_not_depend_on_the_other_customers() -> None:
    clock = PurchaseClock.from_factors(BUSY)
    days = START + np.arange(1000)
    together = clock.weeks(days, days + 400)
    assert [float(clock.weeks(day, day + 400)) for day in days[::97]] == together[::97].tolist()


def test_factors_are_read_as_they_are_written() -> None:
    clock = PurchaseClock.from_factors(BUSY)
    assert PurchaseClock.from_dict(clock.to_dict()) == clock
    grown = clock.growing(0.1, DAY)
    assert PurchaseClock.from_dict(grown.to_dict()) == grown


def test_a_growing_clock_runs_faster_every_month_for_a_year_ahead() -> None:
    clock = PurchaseClock.from_factors(BUSY).growing(0.1, DAY)
    paces = clock.pace(np.array(["2022-12-05", "2023-12-31", "2024-12-31", "2027-12-31"], dtype="datetime64[D]"))
    assert paces[1] == clock.factors[11]
    np.testing.assert_allclose(paces / paces[1], np.exp([-0.1, 0.0, 0.1, 0.1]))
    assert float(clock.weeks("2024-12-01", "2024-12-08")) == pytest.approx(paces[2])
    assert PurchaseClock.from_factors(BUSY).growing(0.0, DAY) == PurchaseClock.from_factors(BUSY)


def test_planted_growth_is_recovered_beside_the_season() -> None:
    clock = learn_clock(*shop(BUSY, 8000, growth=0.2))
    assert 0.12 < clock.growth < 0.25
    np.testing.assert_allclose(clock.factors, PurchaseClock.from_factors(BUSY).factors, rtol=0.13)
    assert "Customers buy" in reach.season(clock, dt.date(2021, 1, 1), DAY)


@pytest.mark.parametrize("seed", range(4))
def test_no_growth_is_learned_where_there_is_none(seed: int) -> None:
    assert learn_clock(*shop(BUSY, 2000, seed=seed)).growth == 0.0


def test_a_planted_season_is_recovered() -> None:
    frame, days = shop(BUSY)
    clock = learn_clock(frame, days)
    np.testing.assert_allclose(clock.factors, PurchaseClock.from_factors(BUSY).factors, rtol=0.13)
    assert np.argmax(clock.factors) == 11
    assert np.argmin(clock.factors) == 3
    pace = np.log(np.array(clock.factors)[days["purchase_date"].dt.month - 1])
    in_days = float(days["repeat_purchases"] @ pace)  # a density on the clock, as one of the calendar's time
    fitted = ParetoNBD().fit(*history_of(frame, clock)).log_likelihood_ + in_days
    assert fitted > ParetoNBD().fit(*history_of(frame)).log_likelihood_ + 100


def test_where_there_is_no_season_almost_none_is_learned() -> None:
    clock = learn_clock(*shop([1.0] * 12))
    assert np.abs(np.array(clock.factors) - 1).max() < 0.03


def test_fewer_purchases_are_shrunk_more() -> None:
    largest = [max(learn_clock(*shop(BUSY, customers)).factors) for customers in (60, 3000)]
    assert 1 <= largest[0] < largest[1]


def test_no_season_is_learned_from_fewer_than_two_cycles_nor_without_a_calendar() -> None:
    frame, days = shop(BUSY, customers=500, days=729)
    assert learn_clock(frame, days).is_plain
    assert learn_clock(frame, days.iloc[:0]).is_plain
    assert learn_clock(frame.iloc[:0], days).is_plain


def test_a_month_that_was_busy_in_one_year_only_is_no_season() -> None:
    month, year = np.tile(np.arange(12), 3), np.repeat([2021, 2022, 2023], 12)
    once = np.where((month == 4) & (year == 2022), 900.0, 300.0)
    always = np.where(month == 4, 900.0, 300.0)
    expected = np.full(36, 300.0)
    model, other = MonthlySeason().fit(month, year, once, expected), MonthlySeason().fit(month, year, always, expected)
    assert np.abs(model.season_ - 1).max() < 0.2 < model.year_deviation_
    assert other.season_[4] / other.season_[5] == pytest.approx(3, rel=0.1)
    assert other.year_deviation_ < 0.02


def test_growth_is_the_year_s_and_no_season() -> None:
    month, year = np.tile(np.arange(12), 3), np.repeat([2021, 2022, 2023], 12)
    expected = np.full(36, 500.0)
    season = MonthlySeason().fit(month, year, expected * 1.5 ** (year - 2021), expected)
    assert season.season_ == pytest.approx(np.ones(12), abs=0.01)


def test_months_of_one_year_tell_no_season() -> None:
    season = MonthlySeason().fit([0, 1, 2], [2021] * 3, [5.0, 0.0, 0.0], [0.1, 0.1, 0.1])
    assert season.season_.tolist() == [1.0] * 12


@pytest.mark.parametrize(
    ("clock", "first", "says"),
    [
        (PLAIN, dt.date(2022, 12, 23), "purchases of 374 days are less than two years of them"),
        (PLAIN, dt.date(2021, 1, 1), "No season is seen in two years of purchases or more."),
        (PurchaseClock.from_factors(BUSY), dt.date(2021, 1, 1), "most purchases in December (1.77 times"),
    ],
)
def test_the_decision_says_what_is_known_of_the_season(clock: PurchaseClock, first: dt.date, says: str) -> None:
    assert says in reach.season(clock, first, DAY)


def test_that_hardly_anybody_leaves_within_a_year_is_called_no_loyalty() -> None:
    (sentence,) = reach.leaving(0.997, dt.date(2022, 12, 23), DAY)
    assert sentence.startswith("That hardly anybody is seen to leave is no loyalty")
    assert reach.leaving(1.0, dt.date(2021, 1, 1), DAY) == reach.leaving(0.8, DAY, DAY) == []


def test_a_horizon_that_was_not_judged_is_named() -> None:
    assert reach.horizon(365, 365) == []
    (sentence,) = reach.horizon(365, 121)
    assert sentence.startswith("Judged over 121 days: of the 365 days ahead,")
