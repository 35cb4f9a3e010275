"""The proof of several horizons and of contracts, on the company of five persons: what is wrong fails."""

from pathlib import Path

import duckdb
import pytest

from demo.proof.bounds import STRICT_FROM
from demo.proof.recovered import contracts, horizons
from demo.proof.row import DOES_NOT_APPLY, REFUSED, Row
from tests.demo.small_proof import build_home
from tests.demo.test_proof_measures import opened

HORIZONS = """
create table marts.churn_horizons as
select *, true as is_judged from (values
    ('ana', 28, 0.6), ('ana', 90, {ana}), ('ana', 730, 0.1), ('ben1', 28, 0.9), ('ben1', 90, 0.5), ('ben2', 90, 0.4),
    ('cleo', 28, 0.7), ('cleo', 90, 0.6)) as said (customer_id, horizon_days, churn_probability)
"""
MEMBERS = """
create table marts.subscription_ends as
select *, 365 as horizon_days from (values ('ana', {chance}), ('cleo', {chance}))
    as said (customer_id, end_probability);
create table core.fct_subscription as select date '2024-06-01' as end_date from range(400)
"""


def rows_of(measure, tmp_path: Path, sql: str, customers: int = 5) -> dict[str, Row]:
    home = build_home(tmp_path)
    with duckdb.connect(str(home / "serving" / "current" / "perennial.duckdb")) as connection:
        connection.execute(sql)
    for trial in opened(home, customers=customers):
        return {row.measure: row for row in measure(trial)}
    raise AssertionError


def test_horizons_in_order_pass_and_each_within_a_year_is_measured(tmp_path: Path) -> None:
    rows = rows_of(horizons.measure, tmp_path, HORIZONS.format(ana=0.5))
    assert rows[horizons.CONTRADICTIONS].ok is True
    # In 90 days Ana buys, Ben, of whose two customers neither was to buy with 0.2, buys, and Cleo buys nothing.
    assert rows["churn in 90 days: Brier score"].recovered == pytest.approx((0.5**2 + 0.2**2 + 0.4**2) / 3)
    assert rows["churn in 90 days: said over true"].recovered == pytest.approx(1.3)
    assert not any("730" in name for name in rows)


def test_a_longer_horizon_that_is_likelier_fails(tmp_path: Path) -> None:
    assert rows_of(horizons.measure, tmp_path, HORIZONS.format(ana=0.61))[horizons.CONTRADICTIONS].ok is False


@pytest.mark.parametrize(("chance", "ok"), [(0.75, True), (0.4, False), (1.0, False)])
def test_ends_of_contracts_are_held_to_what_the_world_does(tmp_path: Path, chance: float, ok: bool) -> None:
    # Cleo leaves on 15 January, so her membership ends; Ana stays, and hers ends with 1 - exp(-365 / 420).
    row = rows_of(contracts.measure, tmp_path, MEMBERS.format(chance=chance), STRICT_FROM)[contracts.NAME]
    assert row.recovered == pytest.approx(2 * chance / (1 + 0.5807), rel=1e-3)
    assert row.ok is ok


def test_memberships_without_a_forecast_say_why(tmp_path: Path) -> None:
    rows = rows_of(contracts.measure, tmp_path, MEMBERS.format(chance="null::double"))
    assert rows[contracts.NAME].status == REFUSED


def test_no_membership_is_no_question(tmp_path: Path) -> None:
    sql = MEMBERS.format(chance=0.5) + "; delete from marts.subscription_ends"
    assert rows_of(contracts.measure, tmp_path, sql)[contracts.NAME].status == DOES_NOT_APPLY
