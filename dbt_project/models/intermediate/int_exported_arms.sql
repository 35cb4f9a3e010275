-- Grain: one row per (list_id, customer_id, arm, release) of the lists that were exported before the as-of date.
{{ config(materialized='view') }}

select
    list_name,
    list_id,
    customer_id,
    arm,
    objective,
    channel,
    offer,
    unit_cost,
    control_share,
    horizon_days,
    as_of_date
from {{ files_of('exported_arms') }}
