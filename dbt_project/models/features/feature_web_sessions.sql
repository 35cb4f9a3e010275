-- Grain: one row per (customer_id, as_of_date) of feature_purchases: web sessions by then. Key: both.
with feature_dates as (
    select * from {{ ref('feature_dates') }}
),

days as (
    select
        customer_id,
        session_date,
        known_date,
        count(*) as sessions
    from {{ ref('fct_web_session') }}
    where customer_id <> 'unknown'
    group by customer_id, session_date, known_date
),

dated as (
    select
        days.customer_id,
        feature_dates.as_of_date,
        days.sessions,
        {{ days_between('days.session_date', 'feature_dates.as_of_date') }} as days_ago
    from days
    inner join feature_dates
        on days.session_date <= feature_dates.as_of_date and days.known_date <= feature_dates.as_of_date
),

counted as (
    select
        customer_id,
        as_of_date,
        sum(case when days_ago < 28 then sessions else 0 end) as web_sessions_28d,
        sum(case when days_ago < 84 then sessions else 0 end) as web_sessions_84d,
        min(days_ago) as days_since_web_session
    from dated
    group by customer_id, as_of_date
),

final as (
    select
        purchases.customer_id,
        purchases.as_of_date,
        {{ feature('web_sessions_28d', 'web_events') }},
        {{ feature('web_sessions_84d', 'web_events') }},
        {{ feature('days_since_web_session', 'web_events', without='null') }}
    from {{ ref('feature_purchases') }} as purchases
    left join counted
        on purchases.customer_id = counted.customer_id and purchases.as_of_date = counted.as_of_date
)

select * from final
