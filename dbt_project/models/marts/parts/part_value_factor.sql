-- Grain: one row per (customer_id, horizon_days, annual_discount_rate): what the published future value is multiplied
-- by.
{{ config(materialized='view') }}

select
    customer_id,
    run_id,
    horizon_days,
    annual_discount_rate,
    cast(1 as double) as value_factor,
    true as is_published,
    unavailable_reason
from {{ scores('clv') }}
union all
select
    customer_id,
    run_id,
    horizon_days,
    annual_discount_rate,
    value_factor,
    false as is_published,
    unavailable_reason
from {{ scores('clv_sensitivity') }}
