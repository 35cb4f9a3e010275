-- Grain: one row per as_of_date: the last scored one of each month. Customer equity is the sum of what customers are
-- expected to buy within the horizon. The row says what has changed it since the month before; the changes add up.
{% set changes = ['acquired', 'grown', 'won_back', 'shrunk', 'lost', 'gone'] %}

with scored as (
    select
        customer_id,
        as_of_date,
        model_version,
        horizon_days,
        annual_discount_rate,
        clv_future_before_returns as equity
    from {{ ref('customer_score_history') }}
    where job = 'clv'
),

lost as (
    select
        customer_id,
        as_of_date
    from {{ ref('customer_score_history') }}
    where job = 'segments' and lifecycle_stage = 'lost'
),

last_dates as (
    select max(as_of_date) as as_of_date
    from scored
    group by date_trunc('month', as_of_date)
),

month_ends as (
    select
        as_of_date,
        lag(as_of_date) over (order by as_of_date) as previous_as_of_date
    from last_dates
),

-- Each customer as of a month's end, and as of the one before.
states as (
    select
        scored.customer_id,
        scored.equity,
        scored.model_version,
        scored.horizon_days,
        scored.annual_discount_rate,
        month_ends.as_of_date,
        month_ends.previous_as_of_date,
        scored.as_of_date = month_ends.as_of_date as is_now,
        lost.customer_id is not null as is_lost
    from month_ends
    inner join scored
        on month_ends.as_of_date = scored.as_of_date or month_ends.previous_as_of_date = scored.as_of_date
    left join lost on scored.customer_id = lost.customer_id and scored.as_of_date = lost.as_of_date
),

customers as (
    select
        customer_id,
        as_of_date,
        previous_as_of_date,
        max(case when is_now then model_version end) as model_version,
        max(case when is_now then horizon_days end) as horizon_days,
        max(case when is_now then annual_discount_rate end) as annual_discount_rate,
        max(case when not is_now then model_version end) as previous_model_version,
        max(case when not is_now then horizon_days end) as previous_horizon_days,
        max(case when not is_now then annual_discount_rate end) as previous_rate,
        max(case when is_now then equity end) as equity,
        max(case when not is_now then equity end) as previous_equity,
        bool_or(is_now and is_lost) as is_lost,
        bool_or(not is_now and is_lost) as was_lost
    from states
    group by customer_id, as_of_date, previous_as_of_date
),

changed as (
    select
        *,
        coalesce(equity, 0) - coalesce(previous_equity, 0) as change,
        case
            when previous_equity is null then 'acquired'
            when equity is null then 'gone'
            when was_lost and not is_lost then 'won_back'
            when is_lost and not was_lost then 'lost'
            when equity >= previous_equity then 'grown'
            else 'shrunk'
        end as line
    from customers
),

sums as (
    select
        as_of_date,
        previous_as_of_date,
        max(model_version) as model_version,
        max(horizon_days) as horizon_days,
        max(annual_discount_rate) as annual_discount_rate,
        max(model_version) = max(previous_model_version) as is_same_model,
        max(horizon_days) = max(previous_horizon_days)
        and max(annual_discount_rate) = max(previous_rate) as is_same_question,
        {%- for line in changes %}
        count(case when line = '{{ line }}' then 1 end) as {{ line }}_customers,
        coalesce(sum(case when line = '{{ line }}' then change end), 0) as {{ line }},
        {%- endfor %}
        count(equity) as customers,
        sum(equity) as equity,
        count(previous_equity) as previous_customers,
        sum(previous_equity) as previous_equity
    from changed
    group by as_of_date, previous_as_of_date
)

select
    as_of_date,
    case when is_same_question then previous_as_of_date end as previous_as_of_date,
    model_version,
    case when is_same_question then is_same_model end as is_same_model,
    cast(horizon_days as int) as horizon_days,
    annual_discount_rate,
    cast(case when is_same_question then previous_customers end as bigint) as previous_customers,
    cast(case when is_same_question then previous_equity end as {{ contract_type('decimal') }})
        as previous_equity_before_returns,
    {%- for line in changes %}
    cast(case when is_same_question then {{ line }}_customers end as bigint) as {{ line }}_customers,
    cast(case when is_same_question then {{ line }} end as {{ contract_type('decimal') }}) as {{ line }},
    {%- endfor %}
    cast(customers as bigint) as customers,
    cast(equity as {{ contract_type('decimal') }}) as equity_before_returns
from sums
