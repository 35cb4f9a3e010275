"""Scores that are not what they claim to be are refused before they are written."""

import numpy as np
import pandas as pd
import pytest

from mining import sound
from mining.registry import find_job
from pipeline.base.attempt import Refusal
from tests.support.builds.mined import CUSTOMER_JOBS

CLAIMS = {name: table.claims for job in CUSTOMER_JOBS for name, table in find_job(job).tables.items()}


def scored(job: str) -> pd.DataFrame:
    """Three customers; the last has no score, for a reason."""
    claims = CLAIMS[job]
    frame = pd.DataFrame({"customer_id": ["a", "b", "c"], "unavailable_reason": [None, None, "away"]})
    for name, (low, high) in claims.numbers.items():
        frame[name] = [low, min(high, low + 1), np.nan]
    return frame.assign(**{name: ["x", "y", None] for name in claims.texts})


NUMBERS = [(job, name) for job in CUSTOMER_JOBS for name in CLAIMS[job].numbers]


@pytest.mark.parametrize("job", CUSTOMER_JOBS)
def test_sound_scores_pass(job: str) -> None:
    frame = scored(job)
    sound.check(frame, CLAIMS[job], frame["customer_id"])


@pytest.mark.parametrize(("job", "name"), NUMBERS)
def test_a_number_out_of_its_limits_is_refused(job: str, name: str) -> None:
    low, high = CLAIMS[job].numbers[name]
    for value, said in ((np.nan, "no finite number"), (np.inf, "no finite number"), (low - 1, "not"), (high * 2, "no")):
        frame = scored(job).astype({name: float})
        frame.loc[1, name] = value
        with pytest.raises(Refusal, match=f"{name} is {said}.* for 1 of 2 scored customers"):
            sound.check(frame, CLAIMS[job], frame["customer_id"])


@pytest.mark.parametrize(("job", "name"), [(job, name) for job in CUSTOMER_JOBS for name in CLAIMS[job].texts])
def test_a_missing_word_is_refused(job: str, name: str) -> None:
    frame = scored(job)
    frame.loc[0, name] = None
    with pytest.raises(Refusal, match=f"{name} is missing for 1 of 2"):
        sound.check(frame, CLAIMS[job], frame["customer_id"])


def test_quantiles_out_of_order_are_refused() -> None:
    frame = scored("clv")
    frame.loc[0, "clv_future_p50"] = 7.0
    with pytest.raises(Refusal, match="clv_future_p50 is above clv_future_p90 for 1 of 2"):
        sound.check(frame, CLAIMS["clv"], frame["customer_id"])


@pytest.mark.parametrize("ids", [["a", "b"], ["a", "b", "b"], ["a", "b", "d"], ["a", "b", "c", "c"]])
def test_each_customer_has_one_row(ids: list[str]) -> None:
    frame = pd.concat([scored("churn"), scored("churn")]).head(len(ids)).assign(customer_id=ids)
    with pytest.raises(Refusal, match="not one for each"):
        sound.check(frame, CLAIMS["churn"], pd.Series(["a", "b", "c"]))


def test_a_table_of_another_grain_has_one_row_per_key() -> None:
    claims = find_job("effects").tables["effects"].claims
    numbers = {"effect": 1.0, "effect_low": 0.5, "effect_high": 1.5, "p_value": 0.01, "unavailable_reason": None}
    frame = pd.DataFrame(
        [{"campaign_id": "a", "segment": "everybody", "measure": name, **numbers} for name in ("margin", "purchases")]
    )
    sound.check(frame, claims, None)
    with pytest.raises(Refusal, match=r"more than one row for a key \(campaign_id, segment, measure\)"):
        sound.check(frame.assign(measure="margin"), claims, None)
