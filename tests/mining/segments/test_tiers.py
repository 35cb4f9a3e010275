"""The pyramid: 1 %, 19 %, 30 %, 50 % of active customers, set at month-ends, steady near its borders."""

import datetime as dt
from itertools import pairwise

import numpy as np
import pytest

from mining.jobs import check_options
from mining.segments.dates import day_of, month_ends
from mining.segments.tiers import (
    AWAY,
    NEVER,
    NONE,
    TIERS,
    Months,
    Placed,
    Pyramid,
    Rule,
    Year,
    borders,
    level_of,
    place,
)
from pipeline.base import catalog
from pipeline.base.errors import UserError
from pipeline.base.settings import Settings

FIRST = 12 * 52
"""January 2022, in months since 1970."""
AS_OF = dt.date(2025, 12, 31)
PLAIN = Rule(band=0.0, month_ends=1)
GOLD, IRON, LEAD = 1, 2, 3


def year(values, active=True, day: int = 0) -> Year:
    """What customers brought in a year; who bought in it, and all of them at some time."""
    number = np.array(values, dtype=np.int64)
    everybody = np.ones(len(number), dtype=bool)
    return Year(day, number, number, 2 * number, everybody & active, everybody)


def levels(*values, rule: Rule = PLAIN, active=True) -> list[int]:
    """Levels after one month-end after another."""
    pyramid = Pyramid(len(values[0]), rule)
    for number, each in enumerate(values):
        pyramid.month_end(year(each, active, number))
    return pyramid.level.tolist()


def test_shares_of_a_thousand_customers():
    assert np.bincount(levels(range(1000))).tolist() == [10, 190, 300, 500]


def test_equal_values_share_a_tier_and_order_does_not_matter():
    values = np.array([100] * 30 + [50] * 30 + [10] * 40)
    placed = np.array(levels(values))
    assert all(len(set(placed[values == value])) == 1 for value in (100, 50, 10))
    order = np.random.default_rng(3).permutation(100)
    assert levels(values[order]) == placed[order].tolist()


def test_a_small_company_has_a_platinum_customer_and_equals_are_in_the_middle():
    assert levels([5, 9, 1]) == [IRON, 0, LEAD]
    assert set(levels([5, 5, 5, 5])) == {IRON}
    assert borders(np.zeros(0, dtype=np.int64), [0.5]).tolist() == [np.iinfo(np.int64).max]


def test_absent_for_a_year_is_inactive_and_does_not_count():
    here = np.array([True, True, True, False])
    assert levels([9, 8, 7, 50], active=here) == [*levels([9, 8, 7]), AWAY]


def at(percent: float) -> np.ndarray:
    """A thousand customers; the first has `percent` of the others above."""
    above = int(percent * 10)
    return np.array([5005, *(10 * np.arange(above) + 10_000), *np.arange(999 - above)])


@pytest.mark.parametrize(
    ("before", "percent", "after"),
    [
        (10, 24.4, GOLD),
        (10, 24.6, IRON),
        (30, 15.6, IRON),
        (30, 15.4, GOLD),
        (90, 0.5, 0),
        (0.5, 90, LEAD),
    ],
)
def test_near_a_border_a_customer_stays_and_clearly_beyond_moves_at_once(before, percent, after):
    assert levels(at(before), at(percent), rule=Rule())[0] == after


def test_beyond_the_border_at_three_month_ends_in_a_row_moves():
    moves = [levels(*[at(19)] + [at(21)] * number, rule=Rule())[0] for number in (1, 2, 3)]
    assert moves == [GOLD, GOLD, IRON]
    assert levels(at(19), at(21), at(21), at(19), at(21), at(21), rule=Rule())[0] == GOLD


def month(name: str) -> int:
    return int(np.datetime64(name, "M").astype(np.int64))


def booked(*rows: tuple[int, str, float, str | None]) -> Months:
    """Rows of customer, month, value and last day with a purchase, by month."""
    table = sorted((month(when), who, int(value * 10_000), last) for who, when, value, last in rows)
    last = [day_of(dt.date.fromisoformat(day)) if day else NEVER for *_, day in table]
    columns = [[row[place] for row in table] for place in (1, 0, 2, 2)]
    return Months(*(np.array(column, dtype=np.int64) for column in (*columns, last)))


def path(placed: Placed, customer: int) -> list[tuple[str, str]]:
    rows = placed.moves.entity == customer
    levels = ["inactive" if level == AWAY else TIERS[level] for level in placed.moves.level[rows]]
    return list(zip(placed.moves.day[rows].astype("datetime64[D]").astype(str), levels, strict=True))


def test_ana_leaves_and_comes_back_and_ben_has_never_bought():
    months = booked(
        (0, "2024-01", 40, "2024-01-10"),
        (0, "2025-03", 5, "2025-03-02"),
        (1, "2024-01", -3, None),
        (2, "2024-02", 20, "2024-02-05"),
        (2, "2025-01", 20, "2025-01-05"),
    )
    placed = place(months, 3, dt.date(2025, 3, 15), Rule())
    assert path(placed, 0) == [("2024-01-31", "platinum"), ("2025-01-31", "inactive"), ("2025-03-15", "lead")]
    assert placed.level[1] == NONE and path(placed, 1) == []
    assert path(placed, 2)[0] == ("2024-02-29", "lead")
    assert placed.value.tolist() == [50_000, 0, 200_000]
    at_month_end = place(months, 3, dt.date(2025, 3, 31), Rule())
    assert path(at_month_end, 0)[-1] == ("2025-03-31", "lead")


def test_what_is_missing_to_the_next_tier_is_the_way_to_its_entry():
    rows = [(number, "2024-01", 10.0 * (number + 1), "2024-01-05") for number in range(100)]
    placed = place(booked(*rows), 100, dt.date(2024, 1, 31), Rule())
    best_iron = 79
    assert placed.level[[best_iron, best_iron + 1, 99]].tolist() == [IRON, GOLD, 0]
    assert placed.to_next[best_iron] == (850 - 800) * 10_000  # gold begins inside 15.5 %: 15 customers above
    assert placed.to_next[99] == -1
    raised = [(who, when, value + 50 * (who == best_iron), day) for who, when, value, day in rows]
    assert place(booked(*raised), 100, dt.date(2024, 1, 31), Rule()).level[best_iron] == GOLD


def test_a_contract_keeps_a_customer_active():
    months = booked((0, "2024-01", 40, "2024-01-10"), (1, "2025-03", 5, "2025-03-02"))
    alone = place(months, 2, dt.date(2025, 3, 31), Rule())
    paying = place(months, 2, dt.date(2025, 3, 31), Rule(), pays_on=lambda _: np.array([True, False]))
    assert alone.level[0] == AWAY and paying.level[0] == IRON


def test_the_future_ranks_who_is_expected_to_bring_more():
    months = booked((0, "2024-01", 40, "2024-01-10"), (1, "2024-01", 5, "2024-01-12"), (1, "2024-02", 6, "2024-02-02"))

    def expect(day: int, brought: np.ndarray) -> np.ndarray:
        assert brought.tolist() == ([400_000, 50_000] if day == day_of(dt.date(2024, 1, 31)) else [400_000, 110_000])
        return np.array([100_000.4, 700_000.0])

    found = {
        value: place(months, 2, dt.date(2024, 2, 29), Rule(value=value), expect=expect)
        for value in ("historic", "future", "total")
    }
    assert [placed.level.tolist() for placed in found.values()] == [[0, LEAD], [LEAD, 0], [LEAD, 0]]
    assert found["future"].value.tolist() == [100_000, 700_000]
    assert found["total"].value.tolist() == [500_000, 810_000]
    assert all(placed.brought.tolist() == [400_000, 110_000] for placed in found.values())


def test_nobody_at_all():
    placed = place(booked(), 0, AS_OF, Rule())
    assert not len(placed.level) and not len(placed.moves.day)


def company(customers: int, seed: int) -> Months:
    """Four years of a company to which as many customers come as leave it; they buy at own rates for own amounts."""
    random = np.random.default_rng(seed)
    rate, mean = random.gamma(1.2, 0.5, customers), np.exp(random.normal(2.5, 0.6, customers))
    start = random.integers(-36, 48, customers)
    leaves = start + random.exponential(24, customers)
    rows = []
    for number in range(48):
        bought = np.where((number >= start) & (number < leaves), random.poisson(rate), 0)
        bought = np.maximum(bought, number == start)
        who = np.flatnonzero(bought)
        value = mean[who] * bought[who] * np.exp(random.normal(0, 0.5, len(who))) - 2
        first = (np.datetime64(FIRST, "M") + number).astype("datetime64[D]").astype(np.int64)
        days = first + random.integers(0, 28, len(who))
        rows.append((who, np.full(len(who), FIRST + number), np.rint(value * 10_000).astype(np.int64), days))
    who, months, values, days = (np.concatenate(column) for column in zip(*rows, strict=True))
    return Months(who, months, values, 2 * values, days)


def history(months: Months, customers: int, rule: Rule) -> np.ndarray:
    """Levels at each month-end, shape (month-ends, customers)."""
    moves = place(months, customers, AS_OF, rule).moves
    found = np.full((len(ends := month_ends(FIRST, AS_OF)), customers), NONE)
    for number, day in enumerate(ends):
        found[number] = found[max(number - 1, 0)]
        rows = moves.day == day
        found[number, moves.entity[rows]] = moves.level[rows]
    return found


def there_and_back(found: np.ndarray) -> int:
    """Moves between tiers that were undone within three months."""
    is_tier = (found >= 0) & (found < AWAY)
    undone = 0
    for number in range(len(found) - 2):
        moved = (found[number] != found[number + 1]) & is_tier[number] & is_tier[number + 1]
        later = found[number + 2 : number + 4]
        undone += int((moved & (later == found[number]).any(axis=0)).sum())
    return undone


@pytest.fixture(scope="module")
def simulated():
    customers = 8_000
    months = company(customers, 1)
    plain, held = (history(months, customers, rule)[12:] for rule in (PLAIN, Rule()))
    sums = np.zeros((60, customers))
    np.add.at(sums, (months.month - FIRST + 12, months.entity), months.value)
    values = np.array([sums[number + 1 : number + 13].sum(axis=0) for number in range(48)])[12:]
    return plain, held, values


def test_moves_that_are_undone_within_three_months_fall_by_four_fifths(simulated):
    plain, held, _ = simulated
    assert there_and_back(plain) > 1_000
    assert there_and_back(held) <= 0.2 * there_and_back(plain)


def test_a_crossing_beyond_the_band_that_lasts_shows_within_two_months(simulated):
    """Customers who come beyond the band, and are beyond the border still two month-ends later."""
    plain, held, values = simulated
    shown, crossings = 0, 0
    for number in range(1, len(plain) - 2):
        active = (plain[number] >= 0) & (plain[number] < AWAY)
        shares = np.outer([1 - Rule().band, 1 + Rule().band], PLAIN.cuts)
        up, down = borders(values[number][active].astype(np.int64), shares.ravel()).reshape(2, -1)
        before = held[number - 1]
        rises = level_of(values[number], up) < before
        falls = level_of(values[number], down) > before
        placed = active & (before >= 0) & (before < AWAY)
        later = plain[number + 1 : number + 3]
        lasts = np.where(rises, later < before, (later > before) & (later < AWAY)).all(axis=0)
        crossed = placed & (rises | falls) & lasts
        seen = (held[number : number + 2] != before).any(axis=0)
        crossings += int(crossed.sum())
        shown += int((crossed & seen).sum())
    assert crossings > 500
    assert shown >= 0.95 * crossings


def test_the_shares_of_profit_are_those_of_plain_cuts(simulated):
    plain, held, values = simulated
    for number, sums in enumerate(values):
        total = sums[(plain[number] >= 0) & (plain[number] < AWAY)].sum()
        shares = [[sums[found[number] == level].sum() / total for level in range(4)] for found in (plain, held)]
        assert np.abs(np.subtract(*shares)).max() <= 0.02


def test_month_by_month_is_all_at_once(simulated):
    """The releases of earlier month-ends had the beginning of the same history."""
    months, customers = company(300, 2), 300
    days = [dt.date(2023, 5, 31), dt.date(2024, 8, 31), AS_OF]
    found = []
    for day in days:
        known = Months(*(column[months.month <= month(f"{day:%Y-%m}")] for column in months))
        moves = place(known, customers, day, Rule()).moves
        found.append(sorted(zip(moves.day.tolist(), moves.entity.tolist(), moves.level.tolist(), strict=True)))
    for (earlier, later), day in zip(pairwise(found), days, strict=False):
        assert earlier == [move for move in later if move[0] <= day_of(day)]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("value", "histric", "histric: write one of historic, future, total"),
        ("cuts", [0.2, 0.01, 0.5], r"\[0.2, 0.01, 0.5\]: write three shares from the smallest up"),
        ("cuts", 0.2, "0.2: write three shares"),
        ("band", "wide", "wide: write a share between 0 and 1"),
        ("month_ends", None, "None: write a whole number of 1 or more"),
    ],
)
def test_a_rule_that_cannot_be_used_is_named_with_what_to_write_before_a_build(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, name: str, value: object, said: str
) -> None:
    given = {**catalog.variables(), "tiers": {**catalog.variables()["tiers"], name: value}}
    monkeypatch.setattr(catalog, "variables", lambda: given)
    with pytest.raises(UserError, match=rf"vars.tiers.{name} of dbt_project.yml is {said}"):
        check_options(settings)
