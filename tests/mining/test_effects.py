"""Effects of campaigns: Welch's test as SciPy has it, and which campaigns are judged."""

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
from mining.effects.job import effects
from mining.effects.welch import Group, welch
from mining.registry import find_job
from mining.store import SOURCES_KEY
from pipeline.base.files import write_parquet
from pipeline.base.settings import Settings
from tests.support.builds.mined import AS_OF, SOURCES

OVER = AS_OF


def arm(  # one row of features.campaign_arms
    campaign: str, name: str, amounts: NDArray[np.float64], *, measure: str = "purchases", until: dt.date = OVER
) -> dict[str, object]:
    known = amounts[~np.isnan(amounts)]
    return {
        "as_of_date": AS_OF,
        "campaign_id": campaign,
        "measure": measure,
        "arm": name,
        "customers": len(amounts),
        "customers_with_amount": len(known),
        "amount_sum": float(known.sum()),
        "amount_square_sum": float((known**2).sum()),
        "window_end_date": until,
    }


def bought(*counts: int) -> NDArray[np.float64]:
    """Customers who bought 0, 1, 2 … times."""
    return np.repeat(np.arange(len(counts)), counts).astype(float)


def frame(*rows: dict[str, object]) -> pd.DataFrame:
    dates = ["as_of_date", "window_end_date"]
    return pd.DataFrame(rows).astype(dict.fromkeys(dates, "datetime64[s]"))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("sizes", [(30, 30), (40, 2000), (50_000, 300)])
def test_intervals_and_p_values_are_those_of_scipy(seed: int, sizes: tuple[int, int]) -> None:
    random = np.random.default_rng(seed)
    groups = [random.gamma(0.3 + 0.2 * seed, 20.0, size).round(2) for size in sizes]
    found = welch(*(Group(*(np.array([n]) for n in (len(g), g.sum(), (g**2).sum()))) for g in groups))
    expected = ttest_ind(*groups, equal_var=False)
    low, high = expected.confidence_interval(0.95)
    assert found.effect[0] == pytest.approx(groups[0].mean() - groups[1].mean(), rel=1e-9)
    assert (found.low[0], found.high[0]) == pytest.approx((low, high), rel=1e-8)
    assert found.p_value[0] == pytest.approx(expected.pvalue, rel=1e-7)


def test_a_campaign_is_judged_with_its_interval() -> None:
    """Of 40 treated customers 20 buy once and 5 twice, of 35 in the control group 8 buy once."""
    rows = frame(arm("spring", "treated", bought(15, 20, 5)), arm("spring", "control", bought(27, 8)))
    (found,) = effects(rows).to_dict("records")
    assert found == {
        "campaign_id": "spring",
        "measure": "purchases",
        "effect": 0.521429,
        "effect_low": 0.265782,
        "effect_high": 0.777075,
        "p_value": 0.00012595,
        "unavailable_reason": None,
    }


@pytest.mark.parametrize(
    "rows",
    [
        [("treated", bought(15, 25), OVER), ("control", bought(20, 9), OVER)],
        [("treated", bought(15, 25), OVER)],
        [("treated", bought(15, 25), OVER), ("control", bought(20, 20), OVER + dt.timedelta(days=1))],
        [("treated", np.append(bought(15, 25), np.nan), OVER), ("control", bought(20, 20), OVER)],
        [("treated", bought(0, 40), OVER), ("control", bought(40), OVER)],
    ],
    ids=["29 in the control group", "no control group", "window not over", "an amount unknown", "all alike"],
)
def test_what_cannot_be_judged_has_no_row(rows: list[tuple[str, NDArray[np.float64], dt.date]]) -> None:
    judged = frame(
        *(arm("small", name, amounts, until=until) for name, amounts, until in rows),
        arm("spring", "treated", bought(15, 20, 5)),
        arm("spring", "control", bought(27, 8)),
    )
    assert effects(judged)["campaign_id"].tolist() == ["spring"]


def write(settings: Settings, *rows: dict[str, object]) -> None:
    columns = ["as_of_date", "campaign_id", "measure", "arm", "customers", "customers_with_amount"]
    columns += ["amount_sum", "amount_square_sum", "window_end_date"]
    kinds = [pa.date32(), *[pa.string()] * 3, *[pa.int64()] * 2, *[pa.float64()] * 2, pa.date32()]
    schema = pa.schema(list(zip(columns, kinds, strict=True)), {SOURCES_KEY: ",".join(SOURCES)})
    path = settings.features / "campaign_arms" / f"as_of={AS_OF}.parquet"
    write_parquet(path, pa.Table.from_pylist(list(rows), schema=schema))


def run(settings: Settings) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Rows of the effects, and of the model runs."""
    result = jobs.score("effects", settings, as_of=AS_OF, sources=SOURCES)
    tables = {name: pq.ParquetFile(Path(path)).read().to_pylist() for name, path in result["files"].items()}
    return tables["effects"], tables.get("model_runs", [])


def test_a_company_without_campaigns_has_a_file_without_rows(settings: Settings) -> None:
    write(settings)
    assert run(settings) == ([], [])


def test_the_file_has_the_effects_and_the_same_bytes_in_any_order(settings: Settings) -> None:
    arms = [("treated", bought(15, 20, 5)), ("control", bought(27, 8))]
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
