-- Grain: one row per (kind, period_months, month_start_date, from_value, to_value): how many customers were in a
-- group at the end of the month before, and in which one at the end of the month, of the last month on the as-of
-- date. kind: segment, tier, stage. period_months 12: in which one 365 days before the as-of date (segments: at the
-- end of that month), and on it. 'none' stands for customers who were in no group yet. Tiers and stages have a
-- history of their own, also of months before the first release; those who did not move are the group less those who
-- did. Segments are those of the releases.
{% set a_year_before = add_days(as_of_date(), -365) %}

with histories as (
    select
        'stage' as kind,
        customer_id,
        previous_stage as value_before,
        lifecycle_stage as value,
        valid_from,
        valid_to
    from {{ ref('customer_stage_history') }}
    union all
    select
        'tier' as kind,
        customer_id,
        previous_tier as value_before,
        tier as value,
        valid_from,
        valid_to
    from {{ ref('customer_tier_history') }}
),

placed as (
    select
        *,
        cast(date_trunc('month', valid_from) as date) as month_start_date,
        row_number() over (
            partition by kind, customer_id, date_trunc('month', valid_from) order by valid_from asc
        ) as place,
        row_number() over (
            partition by kind, customer_id, date_trunc('month', valid_from) order by valid_from desc
        ) as place_from_last
    from histories
),

-- Who changed twice in a month moved once, or not at all.
changed as (
    select
        kind,
        month_start_date,
        customer_id,
        coalesce(max(case when place = 1 then value_before end), 'none') as from_value,
        max(case when place_from_last = 1 then value end) as to_value
    from placed
    group by kind, month_start_date, customer_id
),

moved as (
    select
        kind,
        month_start_date,
        from_value,
        to_value,
        count(*) as customers
    from changed
    where from_value <> to_value
    group by kind, month_start_date, from_value, to_value
),

flows as (
    select
        kind,
        month_start_date,
        to_value as value,
        customers as came,
        0 as gone
    from moved
    union all
    select
        kind,
        month_start_date,
        from_value as value,
        0 as came,
        customers as gone
    from moved
    where from_value <> 'none'
),

starts as (
    select
        kind,
        value,
        min(month_start_date) as first_month
    from flows
    group by kind, value
),

calendar as (
    select month_start_date from flows
    union
    select cast(date_trunc('month', date_day) as date) as month_start_date from {{ ref('dim_date') }}
    where date_day <= {{ as_of_date() }}
),

-- Every month since a group began, also those in which nobody moved.
months as (
    select
        starts.kind,
        starts.value,
        calendar.month_start_date
    from starts
    inner join calendar on starts.first_month <= calendar.month_start_date
),

counted as (
    select
        months.kind,
        months.month_start_date,
        months.value,
        coalesce(sum(flows.came), 0) as came,
        coalesce(sum(flows.gone), 0) as gone
    from months
    left join flows
        on
            months.kind = flows.kind
            and months.month_start_date = flows.month_start_date
            and months.value = flows.value
    group by months.kind, months.month_start_date, months.value
),

stayed as (
    select
        kind,
        month_start_date,
        value,
        sum(came - gone) over (partition by kind, value order by month_start_date) - came as customers
    from counted
),

snapshots as (
    select
        customer_id,
        segment_name as value,
        cast(date_trunc('month', as_of_date) as date) as month_start_date,
        dense_rank() over (
            partition by date_trunc('month', as_of_date) order by as_of_date desc, run_id desc
        ) as recency
    from {{ ref('customer_score_history') }}
    where job = 'segments' and segment_name is not null and as_of_date <= {{ as_of_date() }}
),

released as (
    select
        month_start_date,
        max(month_start_date) over () as last_month
    from snapshots
    group by month_start_date
),

pairs as (
    select
        later.month_start_date,
        earlier.month_start_date as month_before,
        {{ month_number('later.month_start_date') }} - {{ month_number('earlier.month_start_date') }} as period_months
    from released as later
    inner join released as earlier
        on
            {{ month_number('later.month_start_date') }} = {{ month_number('earlier.month_start_date') }} + 1
            or (
                later.month_start_date = later.last_month
                and {{ month_number('later.month_start_date') }} = {{ month_number('earlier.month_start_date') }} + 12
            )
),

segments as (
    select
        'segment' as kind,
        pairs.period_months,
        pairs.month_start_date,
        coalesce(earlier.value, 'none') as from_value,
        later.value as to_value,
        count(*) as customers
    from snapshots as later
    inner join pairs on later.month_start_date = pairs.month_start_date
    left join snapshots as earlier
        on
            later.customer_id = earlier.customer_id
            and pairs.month_before = earlier.month_start_date
            and earlier.recency = 1
    where later.recency = 1
    group by pairs.period_months, pairs.month_start_date, earlier.value, later.value
),

of_the_year as (
    select
        later.kind,
        coalesce(earlier.value, 'none') as from_value,
        later.value as to_value,
        count(*) as customers
    from histories as later
    left join histories as earlier
        on
            later.kind = earlier.kind
            and later.customer_id = earlier.customer_id
            and {{ a_year_before }} >= earlier.valid_from
            and {{ a_year_before }} < earlier.valid_to
    where later.valid_from <= {{ as_of_date() }} and {{ as_of_date() }} < later.valid_to
    group by later.kind, earlier.value, later.value
),

moves as (
    select
        kind,
        1 as period_months,
        month_start_date,
        from_value,
        to_value,
        customers
    from moved
    union all
    select
        kind,
        1 as period_months,
        month_start_date,
        value as from_value,
        value as to_value,
        customers
    from stayed
    where customers > 0
    union all
    select
        kind,
        12 as period_months,
        cast(date_trunc('month', {{ as_of_date() }}) as date) as month_start_date,
        from_value,
        to_value,
        customers
    from of_the_year
    union all
    select * from segments
)

select
    kind,
    cast(period_months as bigint) as period_months,
    month_start_date,
    from_value,
    to_value,
    cast(customers as bigint) as customers
from moves
where month_start_date > {{ beginning_of_time() }}
