"""Candidates beside the published model on public data: what chance alone makes of many rows, and what is certain."""

import datetime as dt

import numpy as np
import pandas as pd

from benchmarks.candidates import ALL, PUBLISHED, graded

DAYS = [dt.date(2025, month, 1) for month in (1, 2, 3)]
CUSTOMERS = [f"C{number:04d}" for number in range(400)]


def losses(random: np.random.Generator, candidates: int, gain: float) -> dict[tuple[str, dt.date], pd.DataFrame]:
    found = {}
    for day in DAYS:
        base = random.gamma(2.0, 0.25, len(CUSTOMERS))
        others = {f"m{n}": base + random.normal(0, 0.2, len(base)) for n in range(candidates)}
        found["churn", day] = pd.DataFrame({PUBLISHED: base, **others, "good": base - gain}, index=CUSTOMERS)
    return found


def test_of_many_candidates_that_are_as_good_chance_calls_none_better():
    worlds = [graded("made up", losses(np.random.default_rng(seed), 12, 0.0), 0.05) for seed in range(20)]
    alone = [sum(row["high"] < 0 for row in rows) for rows in worlds]
    better = [sum(row["verdict"] == "better" for row in rows) for rows in worlds]
    assert sum(number > 0 for number in alone) > 10
    assert sum(number > 0 for number in better) <= 4


def test_a_candidate_that_is_better_for_everybody_is_called_so_on_each_day_and_on_all():
    rows = graded("made up", losses(np.random.default_rng(1), 3, 0.1), 0.05)
    assert {row["day"] for row in rows if row["verdict"] == "better"} == {*map(str, DAYS), ALL}
    assert {row["candidate"] for row in rows if row["verdict"] == "better"} == {"good"}
    assert [row["customers"] for row in rows if row["candidate"] == "good"] == [400, 400, 400, 1200]
