"""Every check of the marts can fail, and a failed one stops or warns as its suite says."""

from contextlib import closing

import pytest

from pipeline.audit.checks import STOP, Check
from pipeline.audit.frames import open_warehouse
from pipeline.audit.gate import run_on_warehouse
from pipeline.audit.suites import marts_suites, read_suite
from pipeline.serving import ledger
from tests.pipeline.small_warehouse import AS_OF, RELEASE, build_warehouse, make_settings

EVERY_DAY = (
    "insert into core.fct_web_session by name select 's' || row_number() over () as session_id, 'ana' as customer_id,"
    " 'spring' as campaign_id, d::date as session_date, d::date as known_date, 'shop' as source_system"
    " from generate_series(date '2026-01-31', date '2026-03-{last}', interval 1 day) as t (d), range({rows})"
)
THIN_DAY = (
    "; insert into core.fct_web_session by name select 'last' as session_id, 'ana' as customer_id,"
    " 'spring' as campaign_id, date '2026-03-31' as session_date, date '2026-03-31' as known_date,"
    " 'shop' as source_system"
)

FALL = (
    "create table main.compared_with_published as select 'shop' as source_system, 'core.fct_order' as measure,"
    " 10 as fewer_rows, 0.11 as fall, {} as cause"
)

# (suite, check): the SQL that plants an error which it must find.
PLANTED = {
    ("marts_collapse", "no fact, and no net sales, fell by more than a tenth without a cause"): FALL.format("null"),
    ("marts_collapse", "no fact, and no net sales, fell by more than a tenth with a cause"): FALL.format(
        "'other code'"
    ),
    ("marts_accounts", "every account balances to the cent"): "update core.fct_customer_month"
    " set net_sales = net_sales + 0.0001 where customer_id = 'ana'",
    ("marts_customer_360", "every row is as of the release's date"): "update marts.customer_360"
    " set as_of_date = date '2026-04-01' where customer_id = 'ben'",
    ("marts_customer_360", "at least half of the customers have a segment"): "update marts.customer_360"
    " set segment_name = null",
    ("marts_customer_360", "at least a tenth of the customers have a tier"): "update marts.customer_360"
    " set tier = null",
    ("marts_customer_360", "every customer has a lifecycle stage"): "update marts.customer_360"
    " set lifecycle_stage = null where customer_id = 'ben'",
    ("marts_customer_segments", "recency scores are 1 to 5"): "update marts.customer_segments set recency_score = 6"
    " where customer_id = 'ana'",
    ("marts_customer_segments", "frequency scores are 1 to 5"): "update marts.customer_segments set frequency_score = 0"
    " where customer_id = 'ana'",
    ("marts_customer_segments", "monetary scores are 1 to 5"): "update marts.customer_segments set monetary_score = 9"
    " where customer_id = 'ana'",
    ("marts_customer_segments", "a customer has all three scores and a segment, or none"): "update"
    " marts.customer_segments set segment_id = null where customer_id = 'ben'",
    ("marts_customer_clv", "P(alive) is a probability"): "update marts.customer_clv set p_alive = 1.1"
    " where customer_id = 'ana'",
    ("marts_customer_clv", "expected purchases are zero or more"): "update marts.customer_clv"
    " set expected_purchases = -0.1 where customer_id = 'ana'",
    ("marts_customer_clv", "the median is not below p10"): "update marts.customer_clv set clv_future_p10 = 99"
    " where customer_id = 'ana'",
    ("marts_customer_clv", "p90 is not below the median"): "update marts.customer_clv set clv_future_p90 = 0"
    " where customer_id = 'ana'",
    ("marts_customer_clv", "statement lines sum to clv_total, to the cent"): "update marts.clv_statement"
    " set amount = amount + 0.01 where customer_id = 'ana' and line = 'growth'",
    ("marts_customer_clv", "clv_total is history plus future, to the cent"): "update marts.customer_clv"
    " set clv_historic = clv_historic - 0.01 where customer_id = 'ben'",
    ("marts_customer_clv", "a customer has a future value, or the reason why not"): "update marts.customer_clv"
    " set unavailable_reason = null",
    ("marts_customer_clv", "at least half of the customers have a future value"): "update marts.customer_clv"
    " set is_clv_complete = false, clv_future = null, unavailable_reason = 'no model'",
    ("marts_customer_churn", "churn probabilities are probabilities"): "update marts.customer_churn"
    " set churn_probability = 1.2 where customer_id = 'ben'",
    ("marts_customer_churn", "risk bands are high, medium or low"): "update marts.customer_churn"
    " set risk_band = 'very high' where customer_id = 'ben'",
    ("marts_customer_churn", "probabilities are for a horizon of a day or more"): "update marts.customer_churn"
    " set horizon_days = 0 where customer_id = 'ben'",
    ("marts_customer_churn", "a customer has a probability and a band, or the reason why not"): "update"
    " marts.customer_churn set churn_probability = null, risk_band = null where customer_id = 'ben'",
    (
        "marts_customer_churn",
        "at least half of the customers at risk have a churn probability",
    ): "update marts.customer_churn set churn_probability = null, risk_band = null, unavailable_reason = 'no model'",
    ("marts_churn_horizons", "churn probabilities of all horizons are probabilities"): "update marts.churn_horizons"
    " set churn_probability = -0.1 where customer_id = 'ben' and horizon_days = 90",
    (
        "marts_churn_horizons",
        "the horizons of a customer never contradict each other, nor marts.customer_churn",
    ): "update marts.churn_horizons set churn_probability = 0.99 where customer_id = 'ben' and horizon_days = 90",
    ("marts_campaign_performance", "every campaign is as of the release's date"): "update marts.campaign_performance"
    " set as_of_date = date '2026-04-01'",
    (
        "marts_campaign_performance",
        "every contacted customer is in one arm",
    ): "update marts.campaign_performance set control_customers = 0",
    (
        "marts_campaign_performance",
        "costs of campaigns and core.fct_cost_allocation agree to the cent",
    ): "update marts.campaign_performance set cost_amount = 5.01",
    (
        "marts_campaign_performance",
        "the effect is the difference of the arms",
    ): "update marts.campaign_performance set treated_converted = 0",
    ("marts_campaign_performance", "the effect is not below its interval"): "update marts.campaign_performance"
    " set incremental_conversion_low = 1.1",
    ("marts_campaign_performance", "the effect is not above its interval"): "update marts.campaign_performance"
    " set incremental_conversion_high = 0.9",
    ("marts_campaign_performance", "the bounds of the profit are in order"): "update marts.campaign_performance"
    " set incremental_profit_low = 9.01",
    (
        "marts_campaign_performance",
        "p-values are probabilities",
    ): "update marts.campaign_performance set p_value = -0.1",
    ("marts_campaign_performance", "correction never makes an effect more certain"): "update marts.campaign_performance"
    " set adjusted_p_value = 0.001",
    (
        "marts_campaign_performance",
        "a campaign is judged, or the reason why not is there",
    ): "update marts.campaign_performance set is_effect_certain = null",
    ("marts_campaign_performance", "no campaign is judged without control group or before its window is over"): "update"
    " marts.campaign_performance set window_end_date = date '2026-04-01'",
    ("marts_facts", "there is exactly one unknown customer"): "delete from core.dim_customer where is_unknown",
    ("marts_facts", "every known customer is in marts.customer_360"): "delete from marts.customer_360"
    " where customer_id = 'cleo'",
    ("marts_grain", "every table of the contract is there, with its key"): "drop table marts.segment_profile",
    ("marts_grain", "no key is null"): "update core.fct_order_line set order_line_id = null where order_id = 'o2'",
    ("marts_grain", "no key is there twice"): "insert into core.fct_order from core.fct_order limit 1",
    (
        "marts_loads",
        "received = accepted + quarantined + duplicates + excluded",
    ): "update ops.load_receipts set received = 201",
    ("marts_loads", "at most half of a load is quarantined"): "update ops.load_receipts"
    " set quarantined = 101, accepted = 98",
    ("marts_loads", "at most 1% of a load is quarantined"): "update ops.load_receipts"
    " set quarantined = 3, accepted = 196",
    ("marts_personal_data", "no column that BI sees is named like personal data"): "alter table marts.customer_360"
    " add column contact_email varchar",
    ("marts_personal_data", "no value that BI sees looks like an e-mail address"): "update ops.quarantine"
    " set reason = 'email: ''ben@mail.example'' is there twice'",
    (
        "marts_quarantined_money",
        "at most 5% of the money of a load, and of all loads of a table, is in quarantine",
    ): "update ops.quarantined_money set set_aside_rows = 6, set_aside_amount = 50.01",
    ("marts_relationships", "every key is found in the table that it refers to"): "update core.fct_order_line"
    " set product_id = 'coffee' where order_id = 'o1'",
    ("marts_columns", "every column of the published contract is there"): "alter table marts.customer_360"
    " rename column average_order to mean_order",
    ("marts_prices", "no price is 50 times the product's list price"): "update core.fct_order_line"
    " set list_amount = list_amount * 100 where order_id = 'o1'",
    (
        "marts_prices",
        "no price of the last four weeks is 50 times the product's usual price",
    ): "update core.fct_order_line set list_amount = 1000, known_date = date '2026-03-30' where order_id = 'o1'",
    ("marts_prices", "no older price is 50 times the product's usual price"): "update core.fct_order_line"
    " set list_amount = 1000 where order_id = 'o1'",
    ("marts_days", "no source that speaks every day is silent on the as-of date"): EVERY_DAY.format(rows=10, last=30),
    ("marts_days", "no source brings less than a fifth of its usual rows on the as-of date"): EVERY_DAY.format(
        rows=50, last=30
    )
    + THIN_DAY,
    ("marts_freshness", "no table is later than its source allows"): "update ops.source_freshness set is_late = true",
    ("marts_statuses", "every status of an order is a word that says whether it is a purchase"): "insert into"
    " ops.order_statuses values ('shop', 'phase 3', 'unlisted', 12)",
    ("marts_model_runs", "every run has a decision"): "update marts.model_runs set decision = null",
    ("marts_model_runs", "no run that failed is published"): "update marts.model_runs set failure = 'KeyError'",
    ("marts_model_runs", "no job failed"): "update marts.model_runs set failure = 'KeyError', is_published = false",
    (
        "marts_score_outcomes",
        "the newest forecasts whose horizon is over are within a tenth of what happened",
    ): "update marts.score_outcomes set bias = 0.06, is_bias_certain = true",
    (
        "marts_score_drift",
        "no input has drifted from what its model learned from, and no score from the release before",
    ): "update marts.score_drift set verdict = 'drifted', finding = 'log_recency is missing'",
    ("marts_release", "marts.release has one row"): "insert into marts.release from marts.release",
    ("marts_release", "marts.release names this release"): "update marts.release set release_id = 'another'",
    ("marts_release", "marts.release has the as-of date of the plan"): "update marts.release"
    " set as_of_date = date '2026-03-30'",
}


@pytest.fixture
def settings(tmp_path):
    return make_settings(tmp_path)


def run(settings, suites, *changes: str) -> list[Check]:
    build_warehouse(settings, *changes)
    with closing(open_warehouse(settings, RELEASE.release_id, AS_OF)) as connection:
        return [check for suite in suites for check in run_on_warehouse(connection, suite)]


def expectations() -> dict[tuple[str, str], str]:
    return {
        (suite, expectation["meta"]["check"]): expectation["meta"]["severity"]
        for suite in marts_suites()
        for expectation in read_suite(suite)["expectations"]
    }


def test_a_sound_warehouse_passes_every_check(settings):
    checks = run(settings, marts_suites())
    assert [check for check in checks if not check.success] == []
    assert {(check.suite, check.check) for check in checks} == set(expectations())


def test_each_check_has_a_planted_error():
    assert set(PLANTED) == set(expectations())


@pytest.mark.parametrize(("suite", "check"), PLANTED)
def test_a_planted_error_is_found(settings, suite, check):
    failed = {each.check: each for each in run(settings, [suite], PLANTED[suite, check]) if not each.success}
    assert check in failed
    assert failed[check].severity == expectations()[suite, check]
    assert failed[check].observed


@pytest.mark.parametrize(("first_seen", "is_missing"), [("2026-04-01 03:59:59", True), ("2026-04-01 04:00:00", False)])
def test_the_last_day_ends_at_local_midnight(settings, first_seen, is_missing):
    check = "every known customer is in marts.customer_360"
    changes = [
        "delete from marts.customer_360 where customer_id = 'ben'",
        f"update core.dim_customer set first_seen_at = timestamp '{first_seen}' where customer_id = 'ben'",
    ]
    failed = {each.check for each in run(settings, ["marts_facts"], *changes) if not each.success}
    assert (check in failed) is is_missing


TOO_MUCH = "at most 5% of the money of a load, and of all loads of a table, is in quarantine"
MOSTLY_BAD = "at most half of a load is quarantined"
LOAD = "shop.orders.20260101T000000Z_20260401T000000Z"


def money(rows: int, known: int, aside: int, unknown: int, amount: str, set_aside: str) -> str:
    """SQL: what the only load with money had, and what of it is in quarantine."""
    return (
        f"update ops.quarantined_money set money_rows = {rows}, known_rows = {known}, set_aside_rows = {aside},"
        f" set_aside_unknown_rows = {unknown}, amount = {amount}, set_aside_amount = {set_aside}"
    )


@pytest.mark.parametrize(
    ("change", "share"),
    [
        # A decimal comma: no amount in quarantine can be read, so each counts as the average row.
        (money(100, 90, 10, 10, "900.00", "0"), 0.1),
        # Nothing can be read at all.
        (money(100, 0, 100, 100, "0", "0"), 1),
        # A currency without a rate: two thirds of the rows.
        (money(300, 100, 200, 200, "5000.00", "0"), 0.6667),
        # The amounts can be read: six dear orders of a thousand.
        (money(1000, 1000, 6, 0, "10000.00", "510.00"), 0.051),
        # Some can, some cannot: a tenth of the known money, and a tenth of the rows besides.
        (money(100, 90, 15, 10, "900.00", "90.00"), 0.19),
        # Free goods: there is no money to take a share of.
        (money(100, 100, 6, 0, "0", "0"), 0.06),
    ],
)
def test_more_than_a_twentieth_of_the_money_in_quarantine_stops(settings, change, share):
    failed = [check for check in run(settings, ["marts_quarantined_money"], change) if not check.success]
    assert [(check.check, check.severity) for check in failed] == [(TOO_MUCH, STOP)]
    assert f"load {LOAD}, generation 1, " in failed[0].observed
    assert f"set_aside_share {share}" in failed[0].observed
    assert "load shop.orders, generation all, " in failed[0].observed


@pytest.mark.parametrize(
    "change",
    [
        # One bad row of three, and one absurd order among a thousand, cost themselves and nothing else.
        money(3, 2, 1, 1, "20.00", "0"),
        money(1000, 1000, 1, 0, "99999999999999.99", "99999999990000.00"),
        money(30, 25, 5, 5, "900.00", "0"),
        # Fifty rows of ten thousand, all of little worth.
        money(10_000, 10_000, 50, 0, "100000.00", "5000.00"),
        money(0, 0, 0, 0, "0", "0"),
        "delete from ops.quarantined_money",
    ],
)
def test_a_few_rows_or_little_money_in_quarantine_stop_nothing(settings, change):
    assert all(check.success for check in run(settings, ["marts_quarantined_money"], change))


def test_what_no_load_shows_alone_is_seen_in_all_loads_of_the_table(settings):
    days = (
        "insert into ops.quarantined_money by name select * exclude (d)"
        " replace ('day ' || d as \"interval\", 10 as money_rows,"
        " 10 as known_rows, 1 as set_aside_rows, 100.00 as amount, 10.00 as set_aside_amount)"
        " from ops.quarantined_money, range(60) as t (d)"
    )
    (failed,) = [each for each in run(settings, ["marts_quarantined_money"], days) if not each.success]
    assert failed.observed.startswith("1 of 62 rows")
    assert "load shop.orders, generation all, set_aside_rows 61" in failed.observed


def test_a_load_that_somebody_has_accepted_stops_nothing(settings):
    changes = [
        money(100, 90, 10, 10, "900.00", "0"),
        "update ops.load_receipts set quarantined = 150, accepted = 49",
    ]

    def stopped() -> set[str]:
        checks = run(settings, ["marts_quarantined_money", "marts_loads"], *changes)
        return {check.check for check in checks if not check.success and check.severity == STOP}

    ledger.accept_loads(settings, ["shop.orders.another", "shop.lines.20260101T000000Z_20260401T000000Z"])
    ledger.accept_release(settings, RELEASE.release_id)
    assert stopped() == {TOO_MUCH, MOSTLY_BAD}
    ledger.accept_loads(settings, [LOAD])
    assert stopped() == set()


@pytest.mark.parametrize(
    ("received", "quarantined", "read_later", "stops"),
    [
        (1, 1, 0, False),
        (3, 1, 0, False),
        (3, 2, 0, True),
        (4, 2, 0, False),
        (200, 101, 0, True),
        (200, 101, 1, False),
        (200, 200, 99, True),
    ],
)
def test_a_single_bad_row_stops_nothing_and_most_of_a_load_does(settings, received, quarantined, read_later, stops):
    change = (
        f"update ops.load_receipts set received = {received}, quarantined = {quarantined}, duplicates = 0,"
        f" accepted = {received - quarantined}, read_later = {read_later}"
    )
    failed = {check.check for check in run(settings, ["marts_loads"], change) if not check.success}
    assert (MOSTLY_BAD in failed) is stops


SILENT = "no source that speaks every day is silent on the as-of date"


@pytest.mark.parametrize(
    "changes",
    [
        [EVERY_DAY.format(rows=9, last=30)],
        [EVERY_DAY.format(rows=10, last=31)],
        [EVERY_DAY.format(rows=10, last=30), "delete from core.fct_web_session where session_date = '2026-03-24'"],
        [EVERY_DAY.format(rows=10, last="05")],
    ],
)
def test_small_irregular_and_ended_sources_may_be_silent(settings, changes):
    checks = {check.check: check.success for check in run(settings, ["marts_days"], *changes)}
    assert checks[SILENT]


def test_a_source_that_may_be_quiet_is_not_asked(settings):
    build_warehouse(settings, EVERY_DAY.format(rows=10, last=30))
    with closing(open_warehouse(settings, RELEASE.release_id, AS_OF, ["shop"])) as connection:
        assert all(check.success for check in run_on_warehouse(connection, "marts_days"))


def test_what_was_observed_names_the_row(settings):
    change = "update marts.customer_churn set churn_probability = 1.2 where customer_id = 'ben'"
    (failed,) = [check for check in run(settings, ["marts_customer_churn"], change) if not check.success]
    assert failed.observed == "1 of 3 rows, for example churn_probability 1.2, customer_id ben"


def test_a_missing_column_stops_and_is_named(settings):
    (failed,) = run(settings, ["marts_customer_churn"], "alter table marts.customer_churn drop column risk_band")
    assert (failed.severity, failed.success) == (STOP, False)
    assert "risk_band" in failed.observed


@pytest.mark.parametrize(
    "name",
    [
        "email",
        "loyalty_id",
        "phone_number",
        "first_name",
        "birth_date",
        "postcode",
        "raw_values",
        "referrer",
        "anonymous_id",
    ],
)
def test_personal_names_are_found_in_any_published_table(settings, name):
    checks = run(settings, ["marts_personal_data"], f"alter table ops.quarantine add column {name} varchar")
    assert [check.success for check in checks] == [False, True]


@pytest.mark.parametrize(
    "name",
    [
        "segment_name",
        "can_email",
        "product_name",
        "list_name",
        "discount_rate",
        "description",
        "tip",
        "page_views",
        "email_records",
        "household_key",
    ],
)
def test_other_names_are_not_taken_for_personal(settings, name):
    checks = run(settings, ["marts_personal_data"], f"alter table ops.quarantine add column {name} varchar")
    assert [check.success for check in checks] == [True, True]
