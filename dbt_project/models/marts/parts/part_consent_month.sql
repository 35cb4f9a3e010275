-- Grain: one row per (customer, channel, month) with a marketing consent at the end of the month, or on the as-of date.
-- As in customer_permission the last change counts; of changes at one instant, the withdrawal. A channel of which a
-- word cannot be read counts in no month; in the month of the as-of date, what customer_permission says does.
with permissions as (
    select * from {{ ref('customer_permission') }}
),

changes as (
    select
        consents.customer_id,
        permissions.channel,
        consents.is_granted,
        {{ month_number('changed_date') }} as month_number,
        row_number() over (
            partition by consents.customer_id, permissions.channel, {{ month_number('consents.changed_date') }}
            order by consents.changed_at desc, consents.is_granted asc, consents.consent_id asc
        ) as change_number
    from {{ ref('fct_consent') }} as consents
    inner join permissions
        on consents.customer_id = permissions.customer_id and consents.channel in (permissions.channel, 'all')
    where
        consents.purpose in ('marketing', 'all')
        and permissions.reason <> 'not readable'
        and {{ by_as_of('consents.changed_date') }}
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
inner join permissions
    on last_of_month.customer_id = permissions.customer_id and last_of_month.channel = permissions.channel
where
    last_of_month.is_granted
    and (permissions.is_allowed or months.month_number < {{ month_number(as_of_date()) }})
