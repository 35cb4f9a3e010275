"""Events that move: their effect is learned from the times before, and moves the clock of the times to come."""

import numpy as np
import pandas as pd
import pytest

from mining.purchases import reach
from mining.purchases.clock import EventDays, PurchaseClock
from mining.purchases.timing import learn_clock
from tests.mining.purchases.test_clock import BUSY, DAY, shop

STARTS = np.array(["2021-02-01", "2022-03-10", "2023-02-17", "2024-03-01"], dtype="datetime64[D]")


def feast(starts: np.ndarray = STARTS, days: int = 14) -> pd.DataFrame:
    """Rows of features.event_days."""
    return pd.DataFrame({"event": "Feast", "starts_on": starts, "ends_on": starts + (days - 1)})


@pytest.fixture(scope="module")
def with_feast() -> tuple[pd.DataFrame, ...]:
    """A shop where purchases rise by two thirds in the two weeks of the feast."""
    days = [EventDays("Feast", first, first + 13, 0.5) for first in STARTS.astype(int).tolist()]
    return shop(BUSY, 6000, feast=days)


def test_a_planted_feast_is_recovered_and_comes_again(with_feast: tuple[pd.DataFrame, ...]) -> None:
    clock = learn_clock(*with_feast, feast())
    assert [(event.name, event.first) for event in clock.events] == [("Feast", int(day)) for day in STARTS.astype(int)]
    assert 0.3 < clock.events[0].effect < 0.6
    inside, outside = clock.pace(np.array(["2024-03-08", "2024-03-20"], dtype="datetime64[D]"))
    assert inside / outside == pytest.approx(np.exp(clock.events[0].effect))
    assert "Feast 1." in reach.season(clock, STARTS[0].item(), DAY)
    assert PurchaseClock.from_dict(clock.to_dict()) == clock


def test_the_season_is_learned_beside_it(with_feast: tuple[pd.DataFrame, ...]) -> None:
    clock, blind = learn_clock(*with_feast, feast()), learn_clock(*with_feast)
    true = np.array(PurchaseClock.from_factors(BUSY).factors)
    errors = [np.abs(np.log(np.array(each.factors) / true))[1:3].max() for each in (clock, blind)]
    assert errors[0] < errors[1]


def test_days_without_an_effect_change_nothing() -> None:
    shown = shop(BUSY, 3000)
    assert learn_clock(*shown, feast()) == learn_clock(*shown)


def test_what_happened_once_is_not_learned(with_feast: tuple[pd.DataFrame, ...]) -> None:
    """Nor does a feast that lies ahead, or is not over, tell anything of itself."""
    assert learn_clock(*with_feast, feast(STARTS[2:])).events == ()
    last = np.datetime64(DAY)
    assert learn_clock(*with_feast, feast(np.array([STARTS[2], last - 3, last + 300]))).events == ()
