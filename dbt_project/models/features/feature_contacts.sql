-- Grain: one row per (customer_id, as_of_date) who contacted the company in the 365 days to it. Key: both.
-- Contacts are the customer's: what the company began (direction 'out') is none of them.
with feature_dates as (
    select * from {{ ref('feature_dates') }}
),

contacts as (
    select
        customer_id,
        wait_seconds,
        is_abandoned,
        contact_date,
        known_date
    from {{ ref('fct_contact') }}
    where customer_id <> 'unknown' and coalesce(direction, 'in') = 'in'
),

dated as (
    select
        contacts.*,
        feature_dates.as_of_date,
        {{ days_between('contacts.contact_date', 'feature_dates.as_of_date') }} as days_ago
    from contacts
    inner join feature_dates
        on
            contacts.contact_date <= feature_dates.as_of_date
            and contacts.known_date <= feature_dates.as_of_date
            and contacts.contact_date > {{ add_days('feature_dates.as_of_date', -365) }}
),

final as (
    select
        customer_id,
        as_of_date,
        sum(case when days_ago < 84 then 1 else 0 end) as contacts_84d,
        sum(case when days_ago < 84 and is_abandoned then 1 else 0 end) as abandoned_84d,
        round(sum(wait_seconds) / cast(count(wait_seconds) as double), 6) as wait_seconds_365d
    from dated
    group by customer_id, as_of_date
)

select * from final
