"""A company whose report is told in `test_report.py`: its marts, and how a row of each is made."""

from typing import Any

from tests.pipeline.outputs.report_world import Rows

MONTHS = [f"{2024 + place // 12}-{place % 12 + 1:02d}-01" for place in range(3, 27)]  # April 2024 to March 2026
EVERYBODY = {"dimension": "all", "dimension_value": "all", "second_value": "all"}


def metric(name: str, *values: float | None, months: list[str] | None = None, is_over: bool = True) -> Rows:
    """A metric of the last months."""
    of = (months or MONTHS)[-len(values) :]
    return [
        {"metric": name, "month_start_date": month, **EVERYBODY, "value": value, "is_complete_month": is_over}
        for month, value in zip(of, values, strict=True)
    ]


def segment(rank: int, name: str, customers: int, share: float, sales: float | None, **more: Any) -> dict[str, Any]:
    return {
        "segment_id": rank,
        "segment_rank": rank,
        "segment_name": name,
        "customers": customers,
        "customer_share": share,
        "net_sales_share": sales,
        "net_sales": 100,
        **more,
    }


def cohort(month: str, age: int, customers: int | None, active: int | None, **more: Any) -> dict[str, Any]:
    share = active / customers if customers and active is not None else None
    why = None if share is not None else "of too few customers"
    return {
        "cohort_month": month,
        "dimension": "all",
        "dimension_value": "all",
        "months_since": age,
        "cohort_customers": customers,
        "active_customers": active,
        "active_share": share,
        "unavailable_reason": why,
        **more,
    }


def move(kind: str, start: str, end: str, of: int, customers: int | None, **more: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "period_months": 1,
        "month_start_date": "2026-03-01",
        "from_value": start,
        "to_value": end,
        "from_customers": of,
        "customers": customers,
        "is_move": start != end,
        "share_of_from": None if customers is None else customers / of,
        "unavailable_reason": "of too few customers" if customers is None else None,
        **more,
    }


def answers(group: str, measure: str, value: float | None, **more: Any) -> dict[str, Any]:
    return {
        "dimension": "all" if group == "all" else "segment",
        "dimension_value": group,
        "measure": measure,
        "value": value,
        "unavailable_reason": None if value is not None else "of too few customers",
        **more,
    }


def service(month: str, **figures: Any) -> dict[str, Any]:
    return {"month_start_date": month, "dimension": "all", "dimension_value": "all", **figures}


def campaign(name: str, profit: tuple[float, float, float] | None, **more: Any) -> dict[str, Any]:
    names = ("incremental_profit_low", "incremental_profit", "incremental_profit_high")
    return {
        "campaign_id": f"shop:{name}",
        "start_date": "2026-02-01",
        "verdict": "cannot tell",
        "decision": "Wait.",
        **dict(zip(names, profit or (None,) * 3, strict=True)),
        **more,
    }


def customers(**stages: int) -> Rows:
    return [
        {"customer_id": f"{stage}-{place}", "lifecycle_stage": stage, "purchases": int(stage != "prospect")}
        for stage, number in stages.items()
        for place in range(number)
    ]


STORY: dict[str, Rows] = {
    "marts.metrics_monthly": [
        *metric("net_sales", *[100.0] * 12, *[150.0] * 12),
        *metric("new_customers", 3.0, 4.0),
    ],
    "marts.crm_scorecard": [
        {"measure": name, "definition": "What it is.", "unit": "ratio", "direction": direction, "value": value,
         "month_start_date": "2026-03-01", "value_year_before": before, "is_complete_month": True,
         "is_break": name == "service_cost"}
        for name, direction, value, before in (
            ("active_share", "up", 0.5, 0.4), ("service_cost", "down", 0.5, 0.4), ("nps", "up", 0.2, None))
    ],
    "marts.segment_profile": [
        segment(1, "Champions", 20, 0.2, 0.6, clv_future=300, average_churn_probability=0.1),
        segment(10, "Lost", 80, 0.8, 0.4, clv_future=100, average_churn_probability=0.9),
    ],
    "marts.model_runs": [
        {"run_id": "b-1", "job": "behaviour", "is_published": False, "decision": "Not published: too few customers."},
        {"run_id": "c-1", "job": "churn", "is_published": True, "decision": "Beats recency alone."},
    ],
    "marts.tier_treatment": [
        {"tier": "platinum", "tier_rank": 1, "customers": 1, "tier_value": 50, "tier_value_share": 0.6,
         "tier_value_basis": "margin", "unprofitable_customers": 0, "waits_kept_share": 0.25, "campaigns_a_year": 2.5},
        {"tier": "lead", "tier_rank": 4, "customers": 9, "tier_value": -5, "tier_value_share": -0.1,
         "tier_value_basis": "margin", "unprofitable_customers": 3},
        {"tier": "none", "tier_rank": 6, "customers": 99},
    ],
    "marts.customer_360": customers(prospect=3, new=2, stable=3, dormant=1, lost=3, won_back=1),
    "marts.stage_transitions": [
        {"from_stage": "new", "to_stage": "new", "probability": 0.25, "expected_months": 1.3},
        {"from_stage": "new", "to_stage": "stable", "probability": 0.75},
        {"from_stage": "stable", "to_stage": "new", "unavailable_reason": "of too few customers"},
    ],
    "marts.segment_migration": [
        move("segment", "Champions", "Champions", 20, 15), move("segment", "Champions", "Lost", 20, 5),
        move("segment", "Lost", "Lost", 30, 30), move("segment", "none", "Lost", 12, 12),
        move("tier", "lead", "platinum", 30, None), move("tier", "lead", "lead", 30, None),
        move("stage", "new", "stable", 10, 10, month_start_date="2026-02-01"),
        move("stage", "new", "lost", 10, 10),
        move("stage", "new", "new", 10, 10, period_months=12),
    ],
    "marts.cohort_retention": [
        cohort("2026-01-01", 0, 10, 10, margin_to_date=50, acquisition_cost_to_date=40),
        cohort("2026-01-01", 1, 10, 2, margin_to_date=55, acquisition_cost_to_date=40),
        cohort("2026-02-01", 0, 30, 30, margin_to_date=30, acquisition_cost_to_date=40),
        cohort("2026-02-01", 1, 30, 3, margin_to_date=35, acquisition_cost_to_date=40),
        cohort("2026-03-01", 0, 10, 10),
        cohort("2025-12-01", 1, 9, None),
    ],
    "marts.concentration": [
        {"member": "customer", "measure": "net_revenue", "members": 100, "total": 900, "gini": 0.5,
         "top_10_share": 0.4, "top_20_share": 0.6, "negative_members": None},
        {"member": "customer", "measure": "contribution_margin", "members": 100, "total": 90, "gini": 0.8,
         "top_10_share": 0.8, "top_20_share": 1.1, "negative_members": 12},
        {"member": "product", "measure": "gross_margin", "unavailable_reason": "the cost of a part is not known"},
    ],
    "marts.concentration_curve": [
        {"member": "customer", "measure": "net_revenue", "point": point, "member_share": of, "value_share": share}
        for point, (of, share) in enumerate(((0, 0), (0.1, -0.05), (0.5, 0.1), (1, 1)))
    ],
    "marts.service_kpis": [
        *(service(month, contacts=100, abandonment_rate=0.1, complaint_rate=0.02, hours_to_resolve=20)
          for month in MONTHS[:-1]),
        service(MONTHS[-1], contacts=150, abandonment_rate=0.2, complaint_rate=0.04, hours_to_resolve=30),
    ],
    "marts.satisfaction_loyalty": [
        answers("all", "nps", 38.0, value_low=30, value_high=45, counted_customers=300, response_share=0.11,
                purchases_of_answering=5.6, purchases_of_others=2.7),
        answers("Champions", "nps", None),
        *(answers("all", name, share) for name, share in
          (("loyalists", 0.5), ("hostages", 0.2), ("mercenaries", 0.3), ("defectors", 0.0))),
    ],
    "marts.customer_churn": [
        *({"customer_id": f"h{place}", "churn_probability": 0.99, "risk_band": "high", "horizon_days": 28}
          for place in range(2)),
        {"customer_id": "l", "churn_probability": 0.2, "risk_band": "low", "horizon_days": 28},
    ],
    "marts.customer_equity": [
        {"as_of_date": "2026-03-31", "customers": 4, "equity_before_returns": 1234, "horizon_days": 365},
    ],
    "marts.score_calibration": [
        {"run_id": "c-0", "measure": "no_purchase", "as_of_date": "2026-02-28", "horizon_days": 28, "band": band,
         "customers": 10, "forecast_mean": forecast, "outcome_mean": came, "outcome_low": came - 0.1,
         "outcome_high": came + 0.1}
        for band, forecast, came in ((1, 0.2, 0.25), (2, 0.8, 0.5))
    ],
    "marts.campaign_performance": [
        campaign("SPRING", (10, 40, 70), is_effect_certain=True, incremental_purchases_per_customer=0.2,
                 incremental_purchases_per_customer_low=0.1, incremental_purchases_per_customer_high=0.3),
        campaign("SUMMER", (-70, -40, -10), is_effect_certain=False, incremental_purchases_per_customer=-0.001),
        campaign("WINTER", None),
    ],
    "ops.load_receipts": [
        {"source": "shop", "received": 1000, "accepted": 990, "quarantined": 8, "duplicates": 2, "excluded": 0},
    ],
    "ops.quarantine": [{"reason": "ordered_at: not a timestamp"}] * 2 + [{"reason": "order_id: missing"}],
    "marts.identity_coverage": [{"source_system": "shop", "records": 40, "linked_records": 10, "email_records": 20}],
}  # fmt: skip
