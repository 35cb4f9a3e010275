-- Grain: one row per (horizon_days, annual_discount_rate, segment_name). The row 'all' is the sum of the segments: do
-- not add it to them. Horizons and rates are looks at one future: do not add them up.
-- The published value of each customer, line by line, moves with the discounted purchases (mining/clv/sensitivity.py).
with customers as (
    select
        customers.customer_id,
        customers.clv_future,
        coalesce(segments.segment_name, 'no segment') as segment_name
    from {{ ref('customer_clv') }} as customers
    left join {{ ref('customer_segments') }} as segments on customers.customer_id = segments.customer_id
),

factors as (
    select * from {{ ref('part_value_factor') }}
),

judged as (
    select
        run_id,
        {{ days_between('train_window_end', 'holdout_end') }} as judged_days
    from {{ ref('model_runs') }}
    where job = 'clv'
),

valued as (
    select
        factors.run_id,
        factors.horizon_days,
        factors.annual_discount_rate,
        factors.is_published,
        factors.unavailable_reason,
        customers.segment_name,
        customers.clv_future is not null as is_valued,
        case
            when factors.is_published then customers.clv_future
            else {{ rounded_amount('cast(customers.clv_future as double) * factors.value_factor') }}
        end as clv_future
    from factors
    inner join customers on factors.customer_id = customers.customer_id
),

summed as (
    select
        horizon_days,
        annual_discount_rate,
        segment_name,
        max(run_id) as run_id,
        bool_or(is_published) as is_published,
        max(unavailable_reason) as unavailable_reason,
        sum(case when is_valued then 1 else 0 end) as customers,
        sum(clv_future) as clv_future
    from valued
    group by horizon_days, annual_discount_rate, segment_name
    union all
    select
        horizon_days,
        annual_discount_rate,
        'all' as segment_name,
        max(run_id) as run_id,
        bool_or(is_published) as is_published,
        max(unavailable_reason) as unavailable_reason,
        sum(case when is_valued then 1 else 0 end) as customers,
        sum(clv_future) as clv_future
    from valued
    group by horizon_days, annual_discount_rate
)

select
    {{ as_of_date() }} as as_of_date,
    cast(summed.horizon_days as int) as horizon_days,
    summed.annual_discount_rate,
    summed.segment_name,
    cast(summed.customers as bigint) as customers,
    cast(summed.clv_future as {{ contract_type('total') }}) as clv_future,
    summed.is_published,
    summed.horizon_days > judged.judged_days as is_beyond_judged,
    cast(judged.judged_days as int) as judged_days,
    case when summed.clv_future is null then summed.unavailable_reason end as unavailable_reason
from summed
left join judged on summed.run_id = judged.run_id
