-- Grain: one row per (as_of_date, subscription_id), for subscriptions that had begun and were known by the as-of date.
-- Key: both. An end after the as-of date is not known yet. Renewals lie a period apart, from the start on.
with subscriptions as (
    select * from {{ ref('fct_subscription') }}
    where start_date <= {{ as_of_date() }} and known_date <= {{ as_of_date() }}
),

periods as (
    select
        {{ status_key('word') }} as word_key,
        max(months) as months,
        max(days) as days
    from {{ ref('billing_period_words') }}
    group by {{ status_key('word') }}
),

reasons as (
    select
        {{ status_key('word') }} as word_key,
        min(reason_group) as reason_group,
        min(is_involuntary) as is_involuntary
    from {{ ref('leaving_reason_words') }}
    group by {{ status_key('word') }}
),

final as (
    select
        {{ as_of_date() }} as as_of_date,
        subscriptions.subscription_id,
        subscriptions.customer_id,
        subscriptions.plan,
        subscriptions.price,
        subscriptions.start_date,
        case when subscriptions.end_date <= {{ as_of_date() }} then subscriptions.end_date end as end_date,
        case when periods.word_key is null then 1 else periods.months end as period_months,
        periods.days as period_days,
        periods.word_key is not null as is_period_known,
        case when subscriptions.end_date <= {{ as_of_date() }} then coalesce(reasons.is_involuntary, false) end
            as is_involuntary,
        case
            when subscriptions.end_date <= {{ as_of_date() }} and subscriptions.end_reason is not null
                then coalesce(reasons.reason_group, 'other')
        end as reason_group,
        subscriptions.customer_id <> 'unknown'
        and subscriptions.start_date > min(subscriptions.start_date) over (partition by subscriptions.customer_id)
            as is_returning
    from subscriptions
    left join periods on {{ status_key('subscriptions.billing_period') }} = periods.word_key
    left join reasons on {{ status_key('subscriptions.end_reason') }} = reasons.word_key
)

select * from final
