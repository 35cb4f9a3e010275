-- Grain: one row per (customer_id, valid_from): a lifecycle stage of a customer, until the next one. On a day:
-- valid_from <= day < valid_to. Stages are set on the day of the first purchase or contract, on the last day of each
-- month and on the as-of date, by what had happened by then; before that a customer is a prospect.
with scores as (
    select * from {{ scores('stage_history') }}
),

firsts as (
    select
        customer_id,
        min(cast(valid_from as date)) as first_date
    from scores
    group by customer_id
),

-- Of who is perhaps older than the data, or not seen before the first purchase, nothing says that they were prospects.
prospects as (
    select
        customers.customer_id,
        coalesce({{ local_date('known.first_seen_at') }}, {{ beginning_of_time() }}) as valid_from
    from {{ ref('part_customer') }} as customers
    inner join {{ ref('dim_customer') }} as known on customers.customer_id = known.customer_id
    left join firsts on customers.customer_id = firsts.customer_id
    where
        (firsts.customer_id is null and customers.purchases = 0)
        or (not customers.is_left_truncated and {{ local_date('known.first_seen_at') }} < firsts.first_date)
),

stages as (
    select
        customer_id,
        'prospect' as lifecycle_stage,
        valid_from
    from prospects
    union all
    select
        customer_id,
        lifecycle_stage,
        cast(valid_from as date) as valid_from
    from scores
),

ordered as (
    select
        *,
        lag(lifecycle_stage) over (partition by customer_id order by valid_from) as previous_stage,
        lead(valid_from) over (partition by customer_id order by valid_from) as next_from
    from stages
)

select
    customer_id,
    lifecycle_stage,
    previous_stage,
    next_from is null as is_current,
    valid_from,
    coalesce(next_from, {{ end_of_time() }}) as valid_to
from ordered
