-- Grain: one row per (customer_id, valid_from): a tier of a customer, until the next one. On a day:
-- valid_from <= day < valid_to. Tiers are set on the last day of each month, by the 12 months before; on the as-of date
-- of customers alone who have come, or come back, since. Nobody has a tier before the first month-end.
with ordered as (
    select
        customer_id,
        tier,
        tier_value,
        cast(valid_from as date) as valid_from,
        lag(tier) over by_day as previous_tier,
        lead(cast(valid_from as date)) over by_day as next_from
    from {{ scores('tier_history') }}
    window by_day as (partition by customer_id order by valid_from)
)

select
    customer_id,
    tier,
    previous_tier,
    cast(tier_value as {{ contract_type('decimal') }}) as tier_value,
    next_from is null as is_current,
    valid_from,
    coalesce(next_from, {{ end_of_time() }}) as valid_to
from ordered
