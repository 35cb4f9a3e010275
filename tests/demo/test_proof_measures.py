"""Each measure on a company of five persons: what it says is known by hand."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from demo.proof import people
from demo.proof.bounds import STRICT_FROM
from demo.proof.linked import Share
from demo.proof.recovered import (
    campaigns,
    churn,
    clv,
    counts,
    features,
    identity,
    reasons,
    reconciliation,
    segments,
    truncation,
    uplift,
    winback,
)
from demo.proof.row import DOES_NOT_APPLY, NOT_YET, REFUSED, Row
from demo.proof.runs import COUNTS
from demo.proof.trial import Trial, open_trial
from pipeline.base.errors import UserError
from tests.demo.small_proof import CUSTOMERS, build_home, write_features, write_parquet


def opened(home: Path, world: str = "retail", customers: int = CUSTOMERS) -> Iterator[Trial]:
    with open_trial(world, 1, customers, home) as trial:
        people.link(trial)
        yield trial


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    yield from opened(build_home(tmp_path_factory.mktemp("home")))


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    yield from opened(build_home(tmp_path_factory.mktemp("home"), is_published=False))


def named(rows: list[Row]) -> dict[str, Row]:
    return {row.measure.split(": ", 1)[1]: row for row in rows}


def test_identity_counts_pairs_of_records(trial: Trial) -> None:
    # Together: Ana 1 pair, Cleo's customer 3 pairs, of them 1 right. Belonging: Ana 1, Ben 1, Cleo 1.
    rows = named(identity.measure(trial))
    assert rows["precision of links"].recovered == pytest.approx(2 / 4)
    assert rows["precision of links"].ok is False
    assert rows["recall of all pairs"].recovered == pytest.approx(2 / 3)
    assert rows["records without customer"].ok is True


def test_identity_counts_the_pairs_that_evidence_reaches(trial: Trial) -> None:
    """Ana's two addresses differ by a letter left out. Ben's given names contradict each other."""
    rows = named(identity.measure(trial))
    assert rows["recall of reachable pairs"].note.startswith("2 of 2")
    assert rows["recall of contradicting given names"].note.startswith("0 of 1")


def test_identity_counts_what_is_hard_apart(trial: Trial) -> None:
    """Cleo and Dan are twins with one telephone: of the three links of their records one is right."""
    rows = named(identity.measure(trial))
    assert rows["precision of links, twins"].recovered == pytest.approx(1 / 3)
    assert rows["precision of links, twins"].ok is None, "three links have no bound"
    assert rows["precision of links, shared e-mail or phone"].note.startswith("1 of 3")
    assert rows["B-cubed precision"].recovered == pytest.approx((2 + 1 + 1 + 2 * 2 / 3 + 1 / 3 + 1) / 8)


def test_pooled_shares_are_those_of_all_companies() -> None:
    pooled = Share(9, 10).plus(Share(991, 1000))
    assert pooled == Share(1000, 1010)
    rows = named(identity.rows({"precision of added links": pooled}, "retail", 1.0, STRICT_FROM))
    assert rows["precision of added links"].ok is False


def test_a_record_that_was_lost_is_counted(tmp_path: Path) -> None:
    home = build_home(tmp_path)
    with duckdb.connect(str(home / "serving" / "current" / "contacts.duckdb")) as connection:
        connection.execute("delete from customer_source_id where source_customer_id = 'E1'")
    for trial in opened(home):
        row = named(identity.measure(trial))["records without customer"]
        assert (row.recovered, row.ok) == (1.0, False)


def test_predictions_of_a_person_add_up_over_the_persons_customers(trial: Trial) -> None:
    found = clv.forecast(trial)
    assert found is not None
    by_person = found.frame.set_index("person_id")
    assert by_person["expected"].tolist() == [2.5, 0.75, 1.0, 0.0, 0.25]
    assert by_person["customers"].tolist() == [1, 2, 1, 0, 1]
    # Two purchases of one day are one purchase day.
    assert by_person["purchases"].tolist() == [2, 1, 0, 0, 0]
    assert by_person["is_one_person"].tolist() == [True, True, False, True, True]


def test_value_is_discounted_to_the_as_of_day(trial: Trial) -> None:
    found = clv.forecast(trial)
    assert found is not None
    rate = math.log(1.1) / 52 / 7
    expected = 35 * math.exp(-5 * rate) + 30 * math.exp(-152 * rate)
    assert found.frame["value"].iloc[0] == pytest.approx(expected, rel=1e-12)


def test_expected_over_true_purchases(trial: Trial) -> None:
    rows = named(clv.measure(trial, clv.forecast(trial)))
    assert rows["expected / true purchases"].recovered == pytest.approx(4.5 / 3)
    assert rows["expected / true purchases"].ok is None
    assert "1 without a customer" in rows["expected / true purchases"].note


def test_a_quantile_is_judged_over_single_persons_with_a_quantile_above_0(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Single: Ana (value above 5) and Eve (0): half of the values lie below the median. Each p10 is 0.
    monkeypatch.setattr(clv, "FEWEST", 2)
    rows = named(clv.measure(trial, clv.forecast(trial)))
    assert rows["level of p50 of value"].recovered == 0.5
    assert rows["level of p10 of value"].status == DOES_NOT_APPLY


def test_levels_of_customers_who_bought_as_often_count_a_quantile_of_0_too(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clv, "FEWEST", 1)
    rows = named(clv.measure(trial, clv.forecast(trial)))
    # Eve bought once and nothing since: her value lies below her median, as it should with a chance of one half only.
    assert rows["levels of value, 0 repeat purchases"].recovered == 0.5
    assert rows["levels of value, 0 repeat purchases"].ok is None
    assert rows["levels of value, 10 or more repeat purchases"].status == DOES_NOT_APPLY


def test_levels_of_customers_who_bought_as_often_have_a_bound_where_the_model_is_the_worlds(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clv, "FEWEST", 1)
    found = clv.forecast(trial)
    assert found is not None
    many = clv.Forecast(pd.concat([found.frame] * 10_000))
    clean = replace(trial, world="clean", customers=50_000)
    assert named(clv.levels_by_repeats(clean, many))["levels of value, 0 repeat purchases"].ok is False
    right = clv.Forecast(many.frame.assign(p10=0.0, p50=0.0, p90=0.0))
    assert named(clv.levels_by_repeats(clean, right))["levels of value, 0 repeat purchases"].ok is True


def distribution(**rows: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        [(name, k, p) for name, at_most in rows.items() for k, p in enumerate(at_most)],
        columns=["customer_id", "purchases", "probability_at_most"],
    )


def test_crps_of_the_published_distribution_beside_the_oracles(tmp_path: Path) -> None:
    # Single persons: Ana bought on two days, Eve on none. Ours is certain and right of Eve, off by one of Ana.
    home = build_home(tmp_path)
    write_parquet(home / COUNTS, distribution(ana=[0.0, 1.0], ben1=[1.0], ben2=[1.0], cleo=[1.0], eve=[1.0]))
    oracle = distribution(ana=[0.0, 0.0, 1.0], eve=[1.0]).rename(columns={"purchases": "k"})
    oracle["person_id"] = oracle.pop("customer_id").map({"ana": 0, "eve": 4})
    write_parquet(home / "truth" / "oracle_counts.parquet", oracle)
    sampled = pd.DataFrame({"person_id": [0, 4], "expected_purchases": [2.0, 0.0], "expected_value": [0.0, 0.0]})
    write_parquet(home / "truth" / "oracle.parquet", sampled.assign(p_alive=1.0))
    for trial in opened(home, "clean"):
        rows = named(counts.measure(trial, clv.forecast(trial)))
        assert (rows["CRPS of purchases"].recovered, rows["CRPS of purchases"].oracle) == (0.5, 0.0)
        assert rows["PIT, distance from uniform"].low is None
        assert rows["PIT, distance from uniform"].high is not None


@pytest.mark.parametrize(
    ("world", "expected", "ok"),
    [("retail", 2.75, True), ("retail", 1.0, False), ("correlated", 1.0, False), ("shock", 1.0, None)],
)
def test_a_year_of_purchases_is_held_to_the_oracles_sum(
    tmp_path: Path, world: str, expected: float, ok: bool | None
) -> None:
    # Ours: 2.5 purchases of Ana and .25 of Eve.
    home = build_home(tmp_path)
    sampled = pd.DataFrame({"person_id": [0, 4], "expected_purchases": [expected, 0.0], "expected_value": [0.0, 0.0]})
    write_parquet(home / "truth" / "oracle.parquet", sampled.assign(p_alive=1.0))
    for trial in opened(home, world):
        assert named(clv.measure(trial, clv.forecast(trial)))["expected / true purchases"].ok is ok


def test_a_published_model_without_a_distribution_fails(trial: Trial) -> None:
    assert [row.ok for row in counts.measure(trial, clv.forecast(trial))] == [False, False]


def test_p_alive_is_judged_over_single_persons(trial: Trial) -> None:
    # Ana is there, Eve has left; both were given 0.8.
    row = named(clv.measure(trial, clv.forecast(trial)))["Brier score of P(alive)"]
    assert row.recovered == pytest.approx((0.2**2 + 0.8**2) / 2)
    assert row.naive == pytest.approx(0.25)


@pytest.mark.parametrize(("world", "is_bound"), [("shock", True), ("regular", True), ("correlated", False)])
def test_p_alive_is_held_to_the_oracles(tmp_path: Path, world: str, is_bound: bool) -> None:
    # Ana is there, Eve has left: both were given .8. The oracle was as unsure, so that 4 % more is the bound.
    home = build_home(tmp_path)
    sampled = pd.DataFrame({"person_id": [0, 4], "expected_purchases": [2.0, 0.0], "expected_value": [0.0, 0.0]})
    certain: list[tuple[list[float], bool]] = [([0.8, 0.8], True), ([0.8, 0.7], False)]
    for p_alive, ok in certain:
        write_parquet(home / "truth" / "oracle.parquet", sampled.assign(p_alive=p_alive))
        for trial in opened(home, world, customers=STRICT_FROM):
            row = named(clv.measure(trial, clv.forecast(trial)))["Brier score of P(alive)"]
            assert row.ok is (ok if is_bound else None)


def test_the_chance_that_a_person_stays_away_multiplies_over_the_persons_customers(trial: Trial) -> None:
    found = churn.forecast(trial)
    assert found is not None
    by_person = found.set_index("person_id")
    assert by_person["probability"].to_dict() == pytest.approx({0: 0.6, 1: 0.72, 2: 0.7})
    assert by_person["outcome"].to_dict() == {0: 0.0, 1: 1.0, 2: 1.0}
    row = named(churn.measure(trial, found))["Brier score"]
    assert row.recovered == pytest.approx((0.6**2 + 0.28**2 + 0.3**2) / 3)


def test_one_customer_of_a_person_who_returns_is_enough(trial: Trial) -> None:
    found = winback.forecast(trial)
    assert found is not None
    by_person = found.set_index("person_id")
    # Ana and Ben bought in the year after; Ben's customers stay away with .9 and .8, Cleo's with .7. Eve has no chance.
    assert by_person["outcome"].tolist() == [1.0, 1.0, 0.0]
    assert by_person["probability"].tolist() == pytest.approx([0.4, 1 - 0.9 * 0.8, 0.3])
    row = named(winback.measure(trial))["expected / true returns"]
    assert (row.recovered, row.ok) == (pytest.approx(0.98 / 2), None)


@pytest.mark.parametrize(("factor", "ok"), [(1.0, True), (0.5, False)])
def test_returns_are_held_to_the_oracles(tmp_path: Path, factor: float, ok: bool) -> None:
    home = build_home(tmp_path)
    chances = {0: 0.4, 1: 0.28, 2: 0.3}
    counts = pd.DataFrame({"person_id": list(chances), "k": 0})
    counts["probability_at_most"] = [1 - chance * factor for chance in chances.values()]
    write_parquet(home / "truth" / "oracle_counts.parquet", counts)
    for trial in opened(home, "clean", STRICT_FROM):
        row = named(winback.measure(trial))["expected / true returns"]
        assert (row.oracle, row.ok) == (pytest.approx(0.98 / 2 * factor), ok)


def test_a_refusal_is_shown_with_its_decision(refusing: Trial) -> None:
    rows = [*clv.measure(refusing, clv.forecast(refusing)), *churn.measure(refusing, churn.forecast(refusing))]
    rows += winback.measure(refusing)
    assert {row.status for row in rows} == {REFUSED}
    assert {row.note for row in rows} == {"Not enough.", "Too few."}
    assert all(row.ok is None for row in rows)


def test_a_refusal_fails_in_a_large_clean_company(refusing: Trial) -> None:
    large = Trial("clean", 1, 100_000, refusing.home, refusing.connection)
    assert {row.ok for row in clv.measure(large, None)} == {False}
    assert {row.ok for row in churn.measure(large, None)} == {False}


def test_features_equal_the_truth(trial: Trial) -> None:
    rows = named(features.measure(trial))
    assert [row.ok for row in rows.values()] == [True, True]


def test_one_day_of_leakage_shows_in_the_features(tmp_path: Path) -> None:
    home = build_home(tmp_path)
    write_features(home, leak_days=28)
    for trial in opened(home):
        row = named(features.measure(trial))["customers that differ"]
        assert row.ok is False
        assert row.recovered == 1.0  # Cleo's customer, who first bought in the last 28 days
        assert "the first on 2024-12-03" in row.note


def test_a_purchase_that_the_facts_lost_shows(tmp_path: Path) -> None:
    home = build_home(tmp_path)
    with duckdb.connect(str(home / "serving" / "current" / "perennial.duckdb")) as connection:
        connection.execute("delete from core.fct_order where order_id like '%o7'")
    for trial in opened(home):
        rows = named(features.measure(trial))
        assert rows["purchases not in facts"].recovered == 1.0
        assert rows["customers that differ"].recovered == 1.0


def changed(home: Path, sql: str) -> Iterator[Trial]:
    with duckdb.connect(str(home / "serving" / "current" / "perennial.duckdb")) as connection:
        connection.execute(sql)
    return opened(home)


def test_equal_totals_and_fates_reconcile(trial: Trial) -> None:
    rows = named(reconciliation.measure(trial))
    assert rows["net sales"].recovered == 81.5
    assert rows["totals that differ"].recovered == 0.0
    assert rows["fates that differ"].recovered == 0.0
    assert all(row.ok for row in rows.values())


def test_a_ten_thousandth_less_does_not_reconcile(tmp_path: Path) -> None:
    for trial in changed(
        build_home(tmp_path),
        "update core.fct_order_line set net_amount = net_amount - 0.0001 where order_id like '%o7'",
    ):
        rows = named(reconciliation.measure(trial))
        assert rows["totals that differ"].recovered == 1.0
        assert rows["total of net_sales"].ok is False
        assert rows["total of orders"].ok is True


def test_a_row_with_another_reason_does_not_reconcile(tmp_path: Path) -> None:
    for trial in changed(
        build_home(tmp_path), "update ops.row_fates set reason = 'missing' where fate = 'quarantined'"
    ):
        rows = named(reconciliation.measure(trial))
        assert rows["fates that differ"].recovered == 2.0
        assert rows["rows quarantined of demo_shop.orders (missing)"].ok is False


def test_a_total_without_a_table_is_not_yet_and_an_unknown_one_fails(tmp_path: Path) -> None:
    home = build_home(tmp_path)
    frame = pd.DataFrame([("opportunities", 3, None), ("moons", 1, None)], columns=["measure", "rows", "amount"])
    write_parquet(home / "truth" / "totals.parquet", frame, amount="decimal(18, 4)")
    for trial in opened(home):
        rows = named(reconciliation.measure(trial))
        assert rows["total of opportunities"].status == NOT_YET
        assert rows["total of moons"].ok is False
        assert rows["totals that differ"].ok is False


def test_segments_without_difference_find_nothing(trial: Trial) -> None:
    rows = named(segments.measure(trial))
    assert rows["adjusted Rand, segments"].recovered == 0.0
    assert rows["classes claimed"].status == NOT_YET


@pytest.mark.parametrize(
    ("world", "reason", "share", "ok"),
    [
        ("null", None, 0.0, True),
        ("null", "Longer since the last purchase than most", 0.0, True),
        ("null", "Complained in the last 12 weeks", 1.0, False),
        ("retail", "Complained in the last 12 weeks", 1.0, None),
    ],
)
def test_service_reasons(tmp_path: Path, world: str, reason: str | None, share: float, ok: bool | None) -> None:
    for trial in opened(build_home(tmp_path, reason=reason), world):
        rows = reasons.measure(trial)
        assert (rows[0].recovered, rows[0].ok) == (share, ok)
        assert rows[1].status == (DOES_NOT_APPLY if world == "null" else "measured")
        if world == "retail":
            # Of the four customers with a probability Cleo's leaves because of service.
            assert rows[1].recovered == pytest.approx(1 / 4)


def test_truncation_does_not_apply_where_no_customer_is_older(trial: Trial) -> None:
    assert [row.status for row in truncation.measure(trial)] == [DOES_NOT_APPLY]


def effects(*rows: tuple[float, float, float, float, bool]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["estimate", "ci_low", "ci_high", "effect", "is_effect_certain"])
    return frame.assign(has_effect=frame["effect"] > 0)


def test_campaigns_that_were_not_built_are_not_yet(trial: Trial) -> None:
    assert {row.status for row in campaigns.measure(campaigns.effects(trial))} == {NOT_YET}


def test_coverage_and_false_claims_of_campaigns() -> None:
    rows = named(campaigns.measure(effects((0.1, 0.05, 0.2, 0.12, True), (0.1, 0.06, 0.14, 0.0, True))))
    assert rows["intervals with the truth"].recovered == 0.5
    assert (rows["certain without effect"].recovered, rows["certain without effect"].ok) == (
        1.0,
        False,
    )
    assert rows["effects found certain"].recovered == 1.0


def ranked(campaign: str, *gains: float) -> pd.DataFrame:
    return pd.DataFrame({"campaign_id": campaign, "gain": gains})


def test_an_uplift_list_earns_the_share_of_the_true_order(trial: Trial) -> None:
    """Ten persons gain 0 to 9: the list has 9, then 3; the truly best two are 9 and 8, and anybody gains 4.5."""
    frame = ranked("spring", 9, 3, 8, 7, 6, 5, 4, 2, 1, 0)
    rows = named(uplift.measure(trial, pd.concat([frame, ranked("herbs", *[0.0] * 10)])))
    assert rows["earned above random at 10% depth"].recovered == 1.0
    assert rows["earned above random at 20% depth"].recovered == pytest.approx((6 - 4.5) / (8.5 - 4.5))
    assert rows["earned above random at 20% depth"].ok is False
    assert (rows["lists without effect"].recovered, rows["lists without effect"].ok) == (1.0, False)


def test_without_an_uplift_list_its_refusal_is_shown_and_without_the_mart_it_is_not_built(trial: Trial) -> None:
    assert {row.status for row in uplift.measure(trial, uplift.lists(trial))} == {NOT_YET}
    rows = named(uplift.measure(trial, ranked("spring").astype({"gain": float})))
    assert rows.pop("lists without effect").ok
    assert {row.status for row in rows.values()} == {REFUSED}


def test_a_home_without_a_release_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"perennial\.duckdb is not there: remove"):
        next(opened(tmp_path))
