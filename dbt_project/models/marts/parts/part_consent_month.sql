-- Grain: one row per (customer, channel, month) with a marketing consent at the end of the month, or on the as-of date.
-- As in part_customer_consent the last change counts; of changes at one instant, the withdrawal.
with changes as (
    select
        customer_id,
        channel,
        is_granted,
        {{ month_number('changed_date') }} as month_number,
        row_number() over (
            partition by customer_id, channel, {{ month_number('changed_date') }}
            order by changed_at desc, is_granted asc, consent_id asc
        ) as change_number
    from {{ ref('fct_consent') }}
    where purpose = 'marketing' and customer_id <> 'unknown' and {{ by_as_of('changed_date') }}
),

last_of_month as (
    select
        customer_id,
        channel,
        is_granted,
        month_number,
        lead(month_number) over (partition by customer_id, channel order by month_number) as next_number
    from changes
    where change_number = 1
),

months as (
    select distinct
        cast(date_trunc('month', date_day) as date) as month_start_date,
        {{ month_number('date_day') }} as month_number
    from {{ ref('dim_date') }}
    where date_day <= {{ as_of_date() }}
)

select
    last_of_month.customer_id,
    last_of_month.channel,
    months.month_start_date,
    months.month_start_date as known_date
from last_of_month
inner join months
    on
        last_of_month.month_number <= months.month_number
        and months.month_number < coalesce(last_of_month.next_number, months.month_number + 1)
where last_of_month.is_granted
