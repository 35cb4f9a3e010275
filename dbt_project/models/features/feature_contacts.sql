-- Grain: one row per (customer_id, as_of_date) of feature_purchases: contacts with the company. Key: both.
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

counted as (
    select
        customer_id,
        as_of_date,
        sum(case when days_ago < 84 then 1 else 0 end) as contacts_84d,
        sum(case when days_ago < 84 and is_abandoned then 1 else 0 end) as abandoned_84d,
        {{ rounded('sum(wait_seconds) / cast(count(wait_seconds) as double)', 6) }} as wait_seconds_365d
    from dated
    group by customer_id, as_of_date
),

final as (
    select
        purchases.customer_id,
        purchases.as_of_date,
        {{ feature('contacts_84d', 'contacts') }},
        {{ feature('abandoned_84d', 'contacts') }},
        {{ feature('wait_seconds_365d', 'contacts', 'double', 'null') }}
    from {{ ref('feature_purchases') }} as purchases
    left join counted
        on purchases.customer_id = counted.customer_id and purchases.as_of_date = counted.as_of_date
)

select * from final
