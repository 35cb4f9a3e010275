"""The chance of a return, what it is worth and until when it lasts: against the models' own forecasts, day by day."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mining.purchases import NBD, ParetoNBD
from mining.purchases.clock import CALENDAR, PurchaseClock
from mining.purchases.history import History
from mining.winback.forecast import floors, lasting, p_return, purchases_after_return
from mining.winback.rules import CLASSES, TERMS, read_rules
from pipeline.base.errors import UserError

CDNOW = {"r": 0.5533, "alpha": 10.578, "s": 0.6061, "beta": 11.6562}
HISTORY = History(
    np.array([0.0, 1.0, 5.0, 20.0]), np.array([0.0, 10.0, 20.0, 50.0]), np.array([30.0, 39.0, 60.0, 52.0])
)
BUSY = PurchaseClock.from_factors([1.0] * 11 + [4.0]).ahead(dt.date(2025, 8, 31))


def model(kind: type = ParetoNBD, **parameters: float) -> ParetoNBD | NBD:
    content = {"model": kind.name, "time_unit": "week", "parameters": parameters or CDNOW, "log_likelihood": 0.0}
    return kind.from_dict({**content, "is_converged": True, "gradient": 0.0, "customers": 1})


def test_the_chance_is_that_of_any_purchase() -> None:
    found = p_return(model(), 365, HISTORY)
    assert found == pytest.approx(1 - model().probability_no_purchase(365 / 7, *HISTORY), abs=1e-12)


def test_after_days_of_silence_it_is_a_ratio_of_likelihoods() -> None:
    later, last = (HISTORY._replace(T=HISTORY.T + weeks) for weeks in (4.0, 4.0 + 365 / 7))
    likelihood = model().log_likelihood(*last) - model().log_likelihood(*later)
    assert p_return(model(), 365, HISTORY, CALENDAR, 28) == pytest.approx(1 - np.exp(likelihood), abs=1e-9)


def test_who_stays_forever_returns_at_the_own_rate() -> None:
    nbd = model(NBD, r=0.5, alpha=10.0)
    rate = (0.5 + HISTORY.x + 1) / (10.0 + HISTORY.T)
    assert purchases_after_return(nbd, 52.0, 0.0, HISTORY) == pytest.approx(1 + 52 * rate)
    discounted = purchases_after_return(nbd, 52.0, 0.002, HISTORY)
    assert (discounted > 1).all() and (discounted < 1 + 52 * rate).all()


def test_who_first_bought_today_can_return() -> None:
    today = History(np.zeros(1), np.zeros(1), np.zeros(1))
    assert np.isfinite(purchases_after_return(model(), 52.0, 0.002, today)).all()


@pytest.mark.parametrize("ahead", [CALENDAR, BUSY], ids=["no season", "a busy December ahead"])
def test_the_chance_lasts_until_it_first_falls(ahead) -> None:
    floor = 0.7 * p_return(model(), 91, HISTORY, ahead)
    found = lasting(model(), 91, floor, HISTORY, ahead).days
    daily = np.stack([p_return(model(), 91, HISTORY, ahead, day) for day in range(1, 365)])
    for customer, days in enumerate(found):
        below = np.flatnonzero(daily[:, customer] < floor[customer])
        if days < 0:
            assert (daily[27::28, customer] >= floor[customer]).all()
        else:
            assert daily[days, customer] < floor[customer]
            assert days == 0 or daily[days - 1, customer] >= floor[customer]
            assert ahead is BUSY or days == below[0]


def test_a_customer_has_the_same_deadline_in_any_company() -> None:
    floor = 0.5 * p_return(model(), 365, HISTORY)
    together = lasting(model(), 365, floor, HISTORY).days
    alone = [
        lasting(model(), 365, floor[n : n + 1], History(*(column[n : n + 1] for column in HISTORY))).days[0]
        for n in range(4)
    ]
    assert together.tolist() == alone


def test_the_floor_is_the_next_class_or_the_stated_share() -> None:
    chance = np.array([0.95, 0.9, 0.5, 0.03, 0.02, 0.01, 0.0])
    assert floors(chance, 0.5, (0.02, 0.9)).tolist() == pytest.approx([0.9, 0.9, 0.25, 0.02, 0.02, 0.005, 0.0])


def seeds(folder: Path, terms: str = "", classes: str = "") -> tuple[Path, Path]:
    paths = folder / "terms.csv", folder / "classes.csv"
    paths[0].write_text(terms or TERMS.read_text(encoding="utf-8"), encoding="utf-8")
    paths[1].write_text(classes or CLASSES.read_text(encoding="utf-8"), encoding="utf-8")
    return paths


def test_the_rules_that_come_with_the_project_can_be_read() -> None:
    rules = read_rules()
    assert (rules.horizon_days, rules.deadline_share) == (365, 0.5)
    assert rules.limits == tuple(sorted(rules.limits))
    # The last row has no condition that only few meet: whoever is worth a contact has a class.
    table = pd.read_csv(CLASSES)
    assert table["class_rank"].is_unique
    assert table["worth_below"].dropna().tolist() == table["worth_from"].dropna().tolist()[-1:]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("odds_ratio,1.25", "odds_ratio,twice"), r"line 3: odds_ratio is 'twice': give a number from 1 to 100\."),
        (("odds_ratio,1.25", "odds_ratio,0.5"), r"line 3: odds_ratio is '0.5'"),
        (("odds_ratio,1.25", "odds,1.25"), r"line 3: give each of horizon_days, .* once, not 'odds'\."),
        (("odds_ratio,1.25\n", ""), r"has no odds_ratio"),
        (("horizon_days,365", "horizon_days,90.5"), r"horizon_days is 90.5: give a whole number of days\."),
    ],
)
def test_a_wrong_term_is_a_sentence(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_rules(*seeds(tmp_path, terms=TERMS.read_text(encoding="utf-8").replace(*change)))


def test_a_wrong_limit_is_a_sentence(tmp_path: Path) -> None:
    classes = CLASSES.read_text(encoding="utf-8").replace("0.02", "2 %")
    with pytest.raises(UserError, match=r"classes\.csv, line 3: p_return_below is '2 %': give a number from 0 to 1\."):
        read_rules(*seeds(tmp_path, classes=classes))
