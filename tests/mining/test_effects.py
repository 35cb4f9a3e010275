"""Effects of campaigns: which are judged, which measures can be told, and what is written."""

import datetime as dt
from itertools import starmap
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from scipy.stats import ttest_ind

from mining import jobs
from mining.effects.job import ALIKE, FEW, MISMATCHED, SKEWED, UNKNOWN, effects
from mining.registry import find_job
from mining.store import CAMPAIGN_ARMS, SOURCES_KEY
from pipeline.base.files import write_parquet
from pipeline.base.settings import Settings
from tests.support.builds.mined import AS_OF, SOURCES

OVER = AS_OF


def arm(  # one row of features.campaign_arms
    campaign: str,
    name: str,
    amounts: NDArray[np.float64],
    *,
    measure: str = "purchases",
    segment: str = "everybody",
    until: dt.date = OVER,
    elapsed: float = 1.0,
    share: float | None = None,
) -> dict[str, object]:
    known = amounts[~np.isnan(amounts)]
    return {
        "as_of_date": AS_OF,
        "campaign_id": campaign,
        "segment": segment,
        "measure": measure,
        "arm": name,
        "customers": len(amounts),
        "customers_with_amount": len(known),
        "buyers": int((known != 0).sum()),
        "amount_sum": float(known.sum()),
        "amount_square_sum": float((known**2).sum()),
        "amount_cube_sum": float((known**3).sum()),
        "before_sum": float(len(known)),
        "before_square_sum": float(len(known)),
        "product_sum": float(known.sum()),
        "control_share": share,
        "elapsed_share": elapsed,
        "window_end_date": until,
    }


def bought(*counts: int) -> NDArray[np.float64]:
    """Customers who bought 0, 1, 2 … times."""
    return np.repeat(np.arange(len(counts)), counts).astype(float)


def frame(*rows: dict[str, object]) -> pd.DataFrame:
    dates = ["as_of_date", "window_end_date"]
    return pd.DataFrame(rows).astype(dict.fromkeys(dates, "datetime64[s]"))


TREATED, CONTROL = bought(100, 80, 20), bought(200, 60)


def test_a_campaign_is_judged_with_its_interval() -> None:
    """Of 200 treated customers 80 buy once and 20 twice, of 260 in the control group 60 buy once."""
    (found,) = effects(frame(arm("spring", "treated", TREATED), arm("spring", "control", CONTROL))).to_dict("records")
    expected = ttest_ind(TREATED, CONTROL, equal_var=False)
    low, high = expected.confidence_interval(0.95)
    assert found["effect"] == pytest.approx(0.6 - 60 / 260, abs=1e-6)
    assert (found["effect_low"], found["effect_high"]) == pytest.approx((low, high), abs=1e-6)
    assert found["p_value"] == found["adjusted_p_value"] == pytest.approx(expected.pvalue, abs=1e-8)
    assert np.isnan(found["shrunk_effect"]) and found["unavailable_reason"] is None


@pytest.mark.parametrize(
    "rows",
    [[("treated", bought(15, 25)), ("control", bought(20, 9))], [("treated", TREATED)]],
    ids=["29 in the control group", "no control group"],
)
def test_what_is_no_comparison_has_no_row(rows: list[tuple[str, NDArray[np.float64]]]) -> None:
    judged = frame(
        *(arm("small", name, amounts) for name, amounts in rows),
        arm("spring", "treated", TREATED),
        arm("spring", "control", CONTROL),
    )
    assert effects(judged)["campaign_id"].tolist() == ["spring"]


@pytest.mark.parametrize(
    ("measure", "treated", "control", "share", "reason"),
    [
        ("margin", np.append(TREATED, np.nan), CONTROL, None, UNKNOWN),
        ("purchases", bought(300, 40), bought(300, 30), None, FEW),
        ("converted", bought(0, 40), bought(0, 40), None, ALIKE),
        ("margin", TREATED, CONTROL, None, SKEWED),
        ("purchases", TREATED, CONTROL, 0.3, MISMATCHED),
        ("converted", TREATED, CONTROL, 0.3, MISMATCHED),
    ],
)
def test_what_cannot_be_told_has_the_reason(
    measure: str, treated: NDArray[np.float64], control: NDArray[np.float64], share: float | None, reason: str
) -> None:
    arms = {"treated": treated, "control": control}
    (found,) = effects(
        frame(*(arm("spring", name, amounts, measure=measure, share=share) for name, amounts in arms.items()))
    ).to_dict("records")
    assert found["unavailable_reason"] == reason
    assert np.isnan([found["effect"], found["effect_low"], found["p_value"], found["adjusted_p_value"]]).all()


def test_few_buyers_are_enough_for_the_share_who_buy() -> None:
    arms = {"treated": bought(300, 40), "control": bought(300, 30)}
    (found,) = effects(frame(*(arm("a", *each, measure="converted") for each in arms.items()))).to_dict("records")
    assert found["unavailable_reason"] is None and found["effect_low"] < found["effect"]


def test_before_the_windows_are_over_there_is_a_wider_interval_and_no_verdict() -> None:
    later = OVER + dt.timedelta(days=7)
    arms = {"treated": TREATED, "control": CONTROL}
    over, early = (
        effects(frame(*(arm("a", *each, until=until, elapsed=0.5) for each in arms.items()))).iloc[0]
        for until in (OVER, later)
    )
    assert early["effect"] == over["effect"]
    assert early["effect_low"] < over["effect_low"] and early["effect_high"] > over["effect_high"]
    assert np.isnan(early["p_value"]) and np.isnan(early["adjusted_p_value"]) and not np.isnan(over["p_value"])


def test_four_verdicts_are_shrunk_towards_their_mean_and_adjusted() -> None:
    outcomes = {"a": TREATED, "b": CONTROL, "c": bought(150, 60), "d": bought(170, 60), "early": TREATED}
    rows = [
        arm(name, *each, until=OVER + dt.timedelta(days=name == "early"))
        for name, treated in outcomes.items()
        for each in (("treated", treated), ("control", CONTROL))
    ]
    found = effects(frame(*rows)).set_index("campaign_id")
    effect, shrunk = found["effect"], found["shrunk_effect"]
    assert shrunk["a"] < effect["a"] and shrunk["b"] > effect["b"] and np.isnan(shrunk["early"])
    assert (found["adjusted_p_value"] >= found["p_value"]).drop("early").all()


def segmented(*, share: float | None = None) -> pd.DataFrame:
    """Two campaigns, in two segments each."""
    rows = [
        arm(name, *each, segment=segment, share=share if segment == "everybody" else None)
        for name in "ab"
        for segment in ("everybody", "often", "seldom")
        for each in (("treated", TREATED if segment == "often" else bought(150, 60)), ("control", CONTROL))
    ]
    return effects(frame(*rows)).set_index(["campaign_id", "segment"])


def test_segments_are_shrunk_and_adjusted_among_themselves() -> None:
    """Four segments are enough to learn a mean from, two campaigns are not."""
    found = segmented()
    everybody = found.index.get_level_values("segment") == "everybody"
    assert found["shrunk_effect"].isna().tolist() == everybody.tolist()
    assert found["shrunk_effect"]["a", "often"] < found["effect"]["a", "often"]
    assert found["adjusted_p_value"]["a", "often"] == pytest.approx(2 * found["p_value"]["a", "often"])


def test_arms_that_are_not_alike_are_not_alike_in_a_segment() -> None:
    assert set(segmented(share=0.2)["unavailable_reason"]) == {MISMATCHED}


def write(settings: Settings, *rows: dict[str, object]) -> None:
    texts, dates = ("campaign_id", "segment", "measure", "arm"), ("as_of_date", "window_end_date")
    kinds = dict.fromkeys(arm("", "", TREATED), pa.float64())
    kinds |= dict.fromkeys(texts, pa.string()) | dict.fromkeys(dates, pa.date32())
    schema = pa.schema(list(kinds.items()), {SOURCES_KEY: ",".join(SOURCES)})
    path = settings.features / "campaign_arms" / f"as_of={AS_OF}.parquet"
    table = pa.Table.from_pylist(list(rows), schema=schema)
    write_parquet(path, table.sort_by([(name, "ascending") for name in CAMPAIGN_ARMS.key]))


def run(settings: Settings) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Rows of the effects, and of the model runs."""
    result = jobs.score("effects", settings, as_of=AS_OF, sources=SOURCES)
    tables = {name: pq.ParquetFile(Path(path)).read().to_pylist() for name, path in result["files"].items()}
    return tables["effects"], tables.get("model_runs", [])


def test_a_company_without_campaigns_has_a_file_without_rows(settings: Settings) -> None:
    write(settings)
    assert run(settings) == ([], [])


def test_the_file_has_the_effects_and_the_same_bytes_in_any_order(settings: Settings) -> None:
    arms = [("treated", TREATED), ("control", CONTROL)]
    rows = [arm(name, *each, measure=measure) for name in "ab" for measure in ("margin", "purchases") for each in arms]
    write(settings, *rows)
    found, runs = run(settings)
    assert [(row["campaign_id"], row["measure"]) for row in found] == [
        ("a", "margin"), ("a", "purchases"), ("b", "margin"), ("b", "purchases"),
    ]  # fmt: skip
    assert {row["as_of_date"] for row in found} == {AS_OF} and runs == []
    write(settings, *reversed(rows))
    assert run(settings)[0] == found


def test_effects_that_cannot_be_computed_are_null_with_the_reason(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(settings, *starmap(arm, [("a", "treated", bought(15, 25)), ("a", "control", bought(20, 20))]))

    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(find_job("effects"), "score", fails)
    found, (described,) = run(settings)
    assert [(row["campaign_id"], row["effect"], row["p_value"]) for row in found] == [("a", None, None)]
    assert found[0]["unavailable_reason"] == described["decision"]
    assert described["failure"] == "ZeroDivisionError"
