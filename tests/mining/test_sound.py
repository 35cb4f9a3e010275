"""Scores that are not what they claim to be are refused before they are written."""

import numpy as np
import pandas as pd
import pytest

from mining import sound
from pipeline.attempt import Refusal


def scored(job: str) -> pd.DataFrame:
    """Three customers; the last has no score, for a reason."""
    claims = sound.CLAIMS[job]
    frame = pd.DataFrame({"customer_id": ["a", "b", "c"], "unavailable_reason": [None, None, "away"]})
    for name, (low, high) in claims.numbers.items():
        frame[name] = [low, min(high, low + 1), np.nan]
    return frame.assign(**{name: ["x", "y", None] for name in claims.texts})


JOBS = sorted(sound.CLAIMS)
NUMBERS = [(job, name) for job in JOBS for name in sound.CLAIMS[job].numbers]


@pytest.mark.parametrize("job", JOBS)
def test_sound_scores_pass(job: str) -> None:
    frame = scored(job)
    sound.check(job, frame, frame["customer_id"])


@pytest.mark.parametrize(("job", "name"), NUMBERS)
def test_a_number_out_of_its_limits_is_refused(job: str, name: str) -> None:
    low, high = sound.CLAIMS[job].numbers[name]
    for value, said in ((np.nan, "no finite number"), (np.inf, "no finite number"), (low - 1, "not"), (high * 2, "no")):
        frame = scored(job).astype({name: float})
        frame.loc[1, name] = value
        with pytest.raises(Refusal, match=f"{name} is {said}.* for 1 of 2 scored customers"):
            sound.check(job, frame, frame["customer_id"])


@pytest.mark.parametrize(("job", "name"), [(job, name) for job in JOBS for name in sound.CLAIMS[job].texts])
def test_a_missing_word_is_refused(job: str, name: str) -> None:
    frame = scored(job)
    frame.loc[0, name] = None
    with pytest.raises(Refusal, match=f"{name} is missing for 1 of 2"):
        sound.check(job, frame, frame["customer_id"])


def test_quantiles_out_of_order_are_refused() -> None:
    frame = scored("clv")
    frame.loc[0, "clv_future_p50"] = 7.0
    with pytest.raises(Refusal, match="clv_future_p50 is above clv_future_p90 for 1 of 2"):
        sound.check("clv", frame, frame["customer_id"])


@pytest.mark.parametrize("ids", [["a", "b"], ["a", "b", "b"], ["a", "b", "d"], ["a", "b", "c", "c"]])
def test_each_customer_has_one_row(ids: list[str]) -> None:
    frame = pd.concat([scored("churn"), scored("churn")]).head(len(ids)).assign(customer_id=ids)
    with pytest.raises(Refusal, match="not one for each"):
        sound.check("churn", frame, pd.Series(["a", "b", "c"]))
