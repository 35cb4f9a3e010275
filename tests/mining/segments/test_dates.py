"""The days on which tiers and stages are set."""

import datetime as dt

import numpy as np

from mining.segments.dates import day_of, month_ends, month_of


def ends(first: dt.date, as_of: dt.date) -> list[str]:
    month = int(month_of(np.array([day_of(first)]))[0])
    return [str(day) for day in month_ends(month, as_of).astype("datetime64[D]")]


def test_month_ends_do_not_depend_on_the_as_of_day() -> None:
    found = ends(dt.date(2023, 12, 15), dt.date(2024, 3, 30))
    assert found == ["2023-12-31", "2024-01-31", "2024-02-29"]
    assert ends(dt.date(2023, 12, 1), dt.date(2024, 3, 31)) == [*found, "2024-03-31"]


def test_a_company_younger_than_a_month_has_none() -> None:
    assert ends(dt.date(2024, 3, 2), dt.date(2024, 3, 30)) == []
