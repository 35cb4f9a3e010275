{{ config(materialized='table') }}

-- Grain: one row per (from_currency, valid_from_date): the rate to the reporting currency, until the next one.
with rates as (
    select
        from_currency,
        rate_date,
        min(rate) as rate
    from {{ ref('int_fx_rates') }}
    where to_currency = '{{ var("currency") }}' and from_currency <> to_currency
    group by from_currency, rate_date
)

select
    from_currency,
    rate,
    rate_date as valid_from_date,
    coalesce(
        lead(rate_date) over (partition by from_currency order by rate_date), cast('9999-12-31' as date)
    ) as valid_to_date
from rates
