"""What is no purchase behaviour enters the churn model with a certain effect only, and then gives reasons."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import kstest

from mining.churn.families import FAMILIES
from mining.churn.features import FAMILY_OF, INPUTS, split_inputs
from mining.churn.inputs import Family
from mining.churn.model import fit
from mining.churn.reasons import reasons
from mining.churn.screening import screen
from mining.evaluation import Floats

GAP = 30.0
SCREENED = [family for family in FAMILIES if family.is_screened]
CUT_OFFS = pd.to_datetime(["2024-06-01", "2024-06-29", "2024-07-27"])
BEHAVIOUR = (
    "purchase_days", "recency_days", "tenure_days", "purchase_days_28d", "purchase_days_84d", "purchase_days_prior_28d",
    "spend_days", "spend_amount", "net_sales_84d", "gap_mean_days", "gap_stddev_days",
)  # fmt: skip
OPTIONAL = [part.optional for part in INPUTS.values() if part.optional]
"""Columns that a source may lack. This company lacks those that `world` gives no values, so that a new one may come."""
COUNTED = {
    "returns_84d": 0.05,
    "campaign_responses_84d": 0.1,
    "contacts_84d": 0.2,
    "abandoned_84d": 0.02,
    "complaints_365d": 0.06,
    "badly_handled_complaints_365d": 0.03,
    "web_sessions_28d": 0.3,
    "web_sessions_84d": 0.8,
}
"""Events per purchase of the last 84 days: whoever buys more complains more, and visits more."""


def world(seed: int, customers: int = 800, effect: float = 0.0) -> tuple[pd.DataFrame, Floats]:
    """Customers at three cut-offs whose contacts follow their purchases, and who left.

    `effect` is what each badly handled complaint adds to the log-odds of leaving.
    """
    random = np.random.default_rng(seed)
    rate = random.gamma(1.0, 0.02, customers)
    parts = []
    for date in CUT_OFFS:
        tenure = random.uniform(90, 900, customers)
        recency = np.floor(np.minimum(random.exponential(1 / (rate + 0.01)), 181))
        bought = random.poisson(np.outer([28, 28, 84, 200], rate))
        values = dict.fromkeys(OPTIONAL, np.nan) | {
            "customer_id": [f"c{number:05d}" for number in range(customers)],
            "as_of_date": date,
            "recency_days": recency,
            "tenure_days": tenure,
            "purchase_days": 1 + bought[3] + bought[2],
            "purchase_days_28d": bought[0],
            "purchase_days_prior_28d": bought[1],
            "purchase_days_84d": bought[2],
            "spend_days": 1 + bought[3],
            "spend_amount": random.gamma(2.0, 30.0, customers) * (1 + bought[3]),
            "net_sales_84d": random.gamma(2.0, 30.0, customers) * bought[2],
            "gap_mean_days": 1 / (rate + 0.01),
            "gap_stddev_days": random.gamma(2.0, 10.0, customers),
        }
        values |= {name: random.poisson(share * (0.3 + bought[2])) for name, share in COUNTED.items()}
        answers = random.random(customers) < 0.3
        values |= {
            "surveys_365d": answers.astype(float),
            "last_nps_score": np.where(answers, random.integers(0, 11, customers), np.nan),
            "last_csat_score": np.where(answers, random.integers(1, 6, customers), np.nan),
            "wait_seconds_365d": np.where(values["contacts_84d"] > 0, random.lognormal(4.0, 1.0, customers), np.nan),
            "days_since_web_session": np.where(values["web_sessions_84d"] > 0, recency + 1, np.nan),
            "has_subscription": random.random(customers) < 0.05,
        }
        parts.append(pd.DataFrame(values))
    frame = pd.concat(parts, ignore_index=True)
    odds = 1.0 + 0.6 * np.log1p(frame["recency_days"]) - 0.8 * np.log1p(frame["purchase_days_84d"]) - 1.0
    odds = odds + effect * frame["badly_handled_complaints_365d"]
    return frame, (random.random(len(frame)) < expit(odds)).astype(float)


def test_where_nothing_has_an_effect_no_family_enters() -> None:
    entered, p_values = 0, []
    for seed in range(20):
        frame, outcome = world(seed)
        inputs, _ = split_inputs(frame, GAP)
        found = screen(frame, outcome, inputs, GAP)
        assert set(found.families) == {family.name for family in SCREENED}
        entered += any(row["enters"] for row in found.families.values())
        p_values += [row["p_value"] for row in found.families.values()]
    assert entered <= 1
    assert kstest(p_values, "uniform").pvalue > 0.001


def test_a_planted_effect_is_found_and_the_others_stay_out_with_the_reason() -> None:
    frame, outcome = world(1, customers=3000, effect=1.2)
    inputs, _ = split_inputs(frame, GAP)
    found = screen(frame, outcome, inputs, GAP)
    assert [name for name, row in found.families.items() if row["enters"]] == ["complaints"]
    assert found.families["complaints"]["p_value"] < 1e-6
    others = [family for family in SCREENED if family.name != "complaints"]
    assert set(found.dropped) == {name for name in inputs if FAMILY_OF[name] in others}
    assert set(found.inputs) == set(inputs) - set(found.dropped)
    assert found.dropped["has_subscription"].startswith("no certain effect beyond the other inputs: p = 0.")


def test_rows_of_one_customer_are_not_independent_evidence() -> None:
    """The same 150 customers at three cut-offs with the same outcome: three times the rows, not the evidence."""
    frame, outcome = world(5, customers=150)
    once = frame["as_of_date"] == CUT_OFFS[0]
    one, lost = frame[once].reset_index(drop=True), outcome[once.to_numpy()]
    copies = pd.concat([one.assign(as_of_date=date) for date in CUT_OFFS], ignore_index=True)
    inputs = tuple(name for name in split_inputs(one, GAP)[0] if FAMILY_OF[name].name in {"recency", "complaints"})
    alone = screen(one, lost, inputs, GAP).families["complaints"]["p_value"]
    thrice = screen(copies, np.tile(lost, 3), inputs, GAP).families["complaints"]["p_value"]
    assert thrice == pytest.approx(alone, rel=0.01)


def test_a_family_that_hardly_varies_or_decides_everything_is_no_trouble() -> None:
    frame, outcome = world(3)
    rare = frame.assign(badly_handled_complaints_365d=np.where(frame.index == 7, 1, 0), complaints_365d=0)
    inputs, dropped = split_inputs(rare, GAP)
    assert dropped["log_complaints_365d"] == "the same for every customer"
    assert not screen(rare, outcome, inputs, GAP).families["complaints"]["enters"]
    telling = frame.assign(complaints_365d=outcome)
    assert screen(telling, outcome, split_inputs(telling, GAP)[0], GAP).families["complaints"]["enters"]


def test_without_contact_data_there_is_nothing_to_screen() -> None:
    frame, outcome = world(3)
    kept = {"customer_id", "as_of_date", *BEHAVIOUR}
    bare = frame.assign(**dict.fromkeys(set(frame.columns) - kept, np.nan))
    inputs, _ = split_inputs(bare, GAP)
    assert screen(bare, outcome, inputs, GAP) == (inputs, {}, {})


def test_row_order_within_a_cut_off_does_not_matter_and_many_rows_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    frame, outcome = world(1, effect=1.2)
    inputs, _ = split_inputs(frame, GAP)
    order = np.random.default_rng(1).permutation(len(frame))
    whole = screen(frame, outcome, inputs, GAP)
    assert screen(frame.iloc[order], outcome[order], inputs, GAP).families == whole.families
    monkeypatch.setattr("mining.churn.screening.ROWS", 1200)
    half = screen(frame, outcome, inputs, GAP)
    even = frame["customer_id"].str[1:].astype(int) % 2 == 0
    monkeypatch.undo()
    assert half.families == screen(frame[even], outcome[even.to_numpy()], inputs, GAP).families


def test_a_badly_handled_complaint_is_a_reason_of_those_who_had_one() -> None:
    frame, outcome = world(1, customers=3000, effect=1.2)
    inputs = screen(frame, outcome, split_inputs(frame, GAP)[0], GAP).inputs
    model = fit((frame, outcome), inputs, GAP)
    named = reasons(model, frame)
    sentences = FAMILY_OF["log_badly_handled_complaints_365d"].sentences
    (text,) = [text for _, text in sentences if "reopened" in text]
    with_it = (named == text).any(axis=1)
    assert with_it.any()
    assert (frame.loc[with_it, "badly_handled_complaints_365d"] > 0).all()
    others = {sentence for family in SCREENED if family.name != "complaints" for _, sentence in family.sentences}
    assert not named.isin(others).any(axis=None)


@pytest.mark.parametrize("family", SCREENED, ids=lambda family: family.name)
def test_sentences_are_true_of_the_customer_also_where_values_are_unknown(family: Family) -> None:
    """A model in which the family alone counts, in either direction: unknown values say nothing."""
    frame, outcome = world(2)
    names = tuple(name for name in split_inputs(frame, GAP)[0] if name in family.inputs)
    for sign in (1.0, -1.0):
        model = fit((frame, outcome), ("log_recency", *names), GAP)
        weights = dict.fromkeys(("coefficients",), (0.0, *(sign for _ in names)))
        flat = type(model)(**{**model.__dict__, **weights})
        named = reasons(flat, frame)["reason_1"]
        texts = {text for _, text in family.sentences}
        assert set(named.dropna()) <= texts
        waited = named == "Waited longer for an answer than most"
        assert frame.loc[waited, "wait_seconds_365d"].notna().all()
        visited = named == "Longer since the last web visit than most"
        assert frame.loc[visited, "days_since_web_session"].notna().all()
        detractor = named == "Would not recommend the company, by the last answer"
        assert (frame.loc[detractor, "last_nps_score"] <= 6).all()
