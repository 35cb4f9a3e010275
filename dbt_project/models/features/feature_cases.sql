-- Grain: one row per (customer_id, as_of_date) of feature_purchases: cases opened by then. Key: both.
-- A complaint is badly handled when, as known then, it was reopened, took more than 7 days, or is open for longer.
-- A case is known from its first row on, and what became of it from the day of that: a later row moves nothing before.
-- It is counted as reopened from its last resolution on: when it was reopened, no source says.
with feature_dates as (
    select * from {{ ref('feature_dates') }}
),

cases as (
    select
        customer_id,
        reopened_count,
        opened_date,
        resolved_date,
        known_date,
        kind = 'complaint' as is_complaint
    from {{ ref('fct_case') }}
    where customer_id <> 'unknown'
),

dated as (
    select
        cases.customer_id,
        cases.is_complaint,
        cases.reopened_count,
        feature_dates.as_of_date,
        {{ days_between('cases.opened_date', 'feature_dates.as_of_date') }} as days_ago,
        coalesce(cases.resolved_date <= feature_dates.as_of_date, false) as is_resolved,
        {{ days_between(
            'cases.opened_date',
            'least(coalesce(cases.resolved_date, feature_dates.as_of_date), feature_dates.as_of_date)'
        ) }} as days_open
    from cases
    inner join feature_dates
        on cases.opened_date <= feature_dates.as_of_date and cases.known_date <= feature_dates.as_of_date
),

judged as (
    select
        *,
        is_complaint and (days_open > 7 or (is_resolved and coalesce(reopened_count, 0) > 0)) as is_badly_handled
    from dated
),

counted as (
    select
        customer_id,
        as_of_date,
        sum(case when is_resolved then 0 else 1 end) as open_cases,
        sum(case when is_complaint and days_ago < 84 then 1 else 0 end) as complaints_84d,
        sum(case when is_complaint and days_ago < 365 then 1 else 0 end) as complaints_365d,
        sum(case when is_badly_handled and days_ago < 365 then 1 else 0 end) as badly_handled_complaints_365d
    from judged
    group by customer_id, as_of_date
),

final as (
    select
        purchases.customer_id,
        purchases.as_of_date,
        {{ feature('open_cases', 'cases') }},
        {{ feature('complaints_84d', 'cases') }},
        {{ feature('complaints_365d', 'cases') }},
        {{ feature('badly_handled_complaints_365d', 'cases') }}
    from {{ ref('feature_purchases') }} as purchases
    left join counted
        on purchases.customer_id = counted.customer_id and purchases.as_of_date = counted.as_of_date
)

select * from final
