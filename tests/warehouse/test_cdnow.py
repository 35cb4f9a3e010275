"""CDNOW, fixed-width text without a key, through the warehouse: the published totals, exact repeats included."""

from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from pipeline.base.catalog import published
from pipeline.base.settings import load_settings
from pipeline.onboarding.trial.dry_run import dry_run
from tests.support.builds import dry_runs
from tests.warehouse.steps import build

CUSTOMERS = 23_570
PURCHASES = 69_659
SALES = Decimal("2500315.63")


@pytest.fixture(scope="module")
def warehouse(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("cdnow")
    settings = load_settings({"CRM_HOME": str(home), "CRM_DATA": str(data_dir), "CRM_SOURCES": "cdnow"})
    build(settings)
    return settings.warehouse


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "select count(*), count(distinct customer_id), sum(net_sales) from core.fct_order",
            (PURCHASES, CUSTOMERS, SALES),
        ),
        ("select count(*) from core.fct_order where is_exact_repeat and is_purchase", (255,)),
        ("select count(*) from core.fct_order where net_sales = 0 and is_purchase", (80,)),
        ("select sum(orders), sum(net_sales) from core.fct_customer_month", (PURCHASES, SALES)),
        ("select count(*), sum(purchases), sum(net_sales) from marts.customer_360", (CUSTOMERS, PURCHASES, SALES)),
        ("select sum(clv_historic) from marts.customer_clv", (SALES,)),
        ("select count(*) from marts.customer_360 where is_left_truncated", (0,)),
        ("select received, accepted from ops.load_receipts", (PURCHASES, PURCHASES)),
        ("select min(order_date)::varchar, max(order_date)::varchar from core.fct_order", ("1997-01-01", "1998-06-30")),
        ("select bool_and(is_published) from marts.model_runs where job in ('clv', 'churn')", (True,)),
        # Transactions alone: no consents, no costs, no campaigns, no households.
        (
            "select distinct can_contact, channel, channel_reason, unavailable_reason from marts.winback_list",
            (None, None, "no active source provides consents", None),
        ),
        (
            "select distinct spend_basis like 'Response assumed %. Of net sales: the margin %' from marts.winback_list",
            (True,),
        ),
        (
            "select min(p_return) >= 0 and max(p_return) <= 1, count(winback_class) = count(*) from marts.winback_list",
            (True, True),
        ),
        ("select count(*) from marts.clv_sensitivity where is_published and segment_name = 'all'", (1,)),
        ("select count(*), count(unavailable_reason) from marts.relationship_value", (3, 3)),
        (
            "select distinct contacts, contacts_reason, cases, cases_reason from marts.service_kpis",
            (None, "no active source provides contacts", None, "no active source provides cases"),
        ),
        ("select sum(purchases) from marts.service_kpis where dimension = 'all'", (PURCHASES,)),
        (
            "select count(*), count(loyalty_class), count(discount_share) = count(*) from marts.customer_loyalty",
            (CUSTOMERS, 0, True),
        ),
        (
            "select distinct value, unavailable_reason from marts.satisfaction_loyalty where measure = 'nps'",
            (None, "no active source provides survey responses"),
        ),
        (
            "select sum(net_revenue), count(margin) from marts.cohort_retention where dimension = 'all'",
            (SALES, 0),
        ),
        ("select count(*) > 0, count(*) filter (reason_kind <> 'inferred') from marts.lost_customers", (True, 0)),
        (
            """select count(*), count(distinct verdict) > 1, min(cost_class), max(cost_class), count(cost_to_serve),
                   count(return_rate), count(failed_payments) from marts.customer_selection""",
            (CUSTOMERS, True, "unknown", "unknown", 0, 0, 0),
        ),
        (
            """select count(gini), count(*) filter (unavailable_reason = 'no active source provides costs'),
                   count(*) filter (unavailable_reason = 'no active source provides products')
               from marts.concentration""",
            (2, 1, 2),
        ),
        ("select max(point), max(value_share) from marts.concentration_curve where measure = 'net_revenue'", (100, 1)),
        ("select count(*) from marts.category_switching", (0,)),
        ("select count(distinct kind), sum(customers) > 0 from marts.segment_migration", (2, True)),
    ],
)
def test_published_totals(warehouse: Path, query: str, expected: tuple[object, ...]) -> None:
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        assert connection.execute(query).fetchall() == [expected]


def test_the_dry_run_says_what_was_built(warehouse: Path, data_dir: Path) -> None:
    outcome = dry_run("cdnow", {"CRM_DATA": str(data_dir)})
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        assert dry_runs.said(outcome) == dry_runs.built("cdnow", connection)


QUESTIONS = {question: query for table in published().values() for question, query in table.contract.questions.items()}
# What nobody can know of transactions alone: products, channels of acquisition, contacts, surveys, campaigns, costs,
# households. Customers of CDNOW do not differ in when, and at what price, they buy: there are no behavioural groups.
WITHOUT_ANSWER = {
    "How long do customers wait on the phone, and how many give up?",
    "What do customers complain about?",
    "Which first purchase makes customers who stay?",
    "Who stays although not content, and may leave when something better comes?",
    "Who is content, buys again, and could be asked to recommend the company?",
    "After how many months has a cohort paid back what it cost to win?",
    "What did each campaign bring back of what it cost?",
    "What do customers buy after a category, more often than others do?",
    "Which categories hold their customers, and which lead on to others?",
    "Which products of the long tail earn money all the same?",
    "Which products could go without a loss?",
    "Who takes more to serve than is reasonable?",
    "Who is a risk, by returns or by payments?",
    "Which customers buy alike, and what do we do with each group?",
    "Which households are close to the next tier?",
    "Who costs more than they bring?",
    "Who is waiting for an answer today?",
    "In which channel do customers get no answer?",
    "When are most agents needed on the phone?",
    "What does it change whether a complaint is handled well?",
    "Which customers complained, were handled badly, and have not come back?",
}


@pytest.mark.parametrize("question", sorted(QUESTIONS))
def test_a_question_of_docs_marts_md_is_answered(warehouse: Path, question: str) -> None:
    query = QUESTIONS[question]
    assert len(query.splitlines()) <= 10
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows = connection.execute(query).fetchall()
    assert (rows == []) == (question in WITHOUT_ANSWER)
