-- Grain: one row per customer with purchases: what is left of a future sale after refunds, goods and costs.
-- Below zero where the costs of a customer are higher than the sales.
with rates as (
    select * from {{ ref('part_future_rates') }}
),

scores as (
    select * from {{ scores('clv') }}
)

select
    rates.customer_id,
    1 - coalesce(rates.refund_rate, 0) - coalesce(rates.cost_rate, 0)
    - coalesce(
        rates.months_per_purchase_day
        * (
            coalesce(rates.selling_per_month, 0) + coalesce(rates.retention_per_month, 0)
            + coalesce(rates.service_per_month, 0)
        )
        / nullif(scores.expected_spend, 0),
        0
    ) as kept_share
from rates
left join scores on rates.customer_id = scores.customer_id
