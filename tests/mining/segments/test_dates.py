"""Which earlier dates a customer's tier and stage are followed through."""

import datetime as dt

from mining.segments.job import earlier_dates

AS_OF = dt.date(2025, 12, 31)


def ago(*days: int) -> list[dt.date]:
    return [AS_OF - dt.timedelta(days=number) for number in days]


def test_nine_cut_offs_and_the_day_that_judges_lifetime_value() -> None:
    dates = ago(0, *range(28, 729, 28), 365)
    assert earlier_dates(dates, AS_OF) == sorted(ago(*range(28, 253, 28), 365))


def test_a_short_history_is_followed_through_all_its_dates() -> None:
    assert earlier_dates(ago(121, 56, 28, 0), AS_OF) == ago(121, 56, 28)
    assert earlier_dates(ago(0), AS_OF) == []
    assert earlier_dates([], AS_OF) == []
