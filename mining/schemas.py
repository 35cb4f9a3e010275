"""Columns and types of the score files: the contract with the dbt models under `models/marts/`."""

import pyarrow as pa

MONEY = pa.decimal128(18, 2)


def _schema(columns: dict[str, pa.DataType]) -> pa.Schema:
    return pa.schema(list(columns.items()))


_CUSTOMER_RUN = {"customer_id": pa.string(), "as_of_date": pa.date32(), "run_id": pa.string()}

SEGMENTS = _schema(
    _CUSTOMER_RUN
    | dict.fromkeys(("recency_score", "frequency_score", "monetary_score", "segment_id"), pa.int32())
    | dict.fromkeys(("segment_name", "tier", "lifecycle_stage", "unavailable_reason"), pa.string())
)

CLV = _schema(
    _CUSTOMER_RUN
    | {"model_version": pa.string(), "time_unit": pa.string(), "horizon_days": pa.int32()}
    | dict.fromkeys(("annual_discount_rate", "p_alive", "expected_purchases", "expected_spend"), pa.float64())
    | dict.fromkeys(("clv_future", "clv_future_p10", "clv_future_p50", "clv_future_p90"), MONEY)
    | {"expected_next_order_date": pa.date32(), "value_if_stays": MONEY, "value_if_leaves": MONEY}
    | {"unavailable_reason": pa.string()}
)

CHURN = _schema(
    _CUSTOMER_RUN
    | {"model_version": pa.string(), "kind": pa.string(), "horizon_days": pa.int32()}
    | {"churn_probability": pa.float64()}
    | dict.fromkeys(("reason_1", "reason_2", "reason_3", "risk_band", "unavailable_reason"), pa.string())
)

MODEL_RUNS = _schema(
    dict.fromkeys(("run_id", "job", "model_version"), pa.string())
    | dict.fromkeys(
        ("as_of_date", "train_window_start", "train_window_end", "holdout_start", "holdout_end"), pa.date32()
    )
    | dict.fromkeys(("parameters", "metrics", "baseline_name", "baseline_metrics"), pa.string())
    | {"is_published": pa.bool_(), "decision": pa.string(), "code_version": pa.string(), "input_hash": pa.string()}
    | {"is_converged": pa.bool_(), "failure": pa.string()}
)

MODEL_METRICS = _schema(
    dict.fromkeys(("run_id", "job", "stratum", "metric"), pa.string())
    | dict.fromkeys(("value", "baseline_value", "ci_low", "ci_high"), pa.float64())
    | {"rows": pa.int64()}
)
