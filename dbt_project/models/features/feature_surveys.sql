-- Grain: one row per (customer_id, as_of_date) of feature_purchases: survey answers in the 365 days to it. Key: both.
-- A score is of the last answer of its kind in these days.
with feature_dates as (
    select * from {{ ref('feature_dates') }}
),

answers as (
    select
        responses.customer_id,
        feature_dates.as_of_date,
        responses.kind,
        responses.score,
        {{ days_between('responses.response_date', 'feature_dates.as_of_date') }} as days_ago,
        row_number() over (
            partition by feature_dates.as_of_date, responses.customer_id, responses.kind
            order by responses.responded_at desc, responses.response_id desc
        ) as answer_number
    from {{ ref('fct_survey_response') }} as responses
    inner join feature_dates
        on
            responses.response_date <= feature_dates.as_of_date
            and responses.known_date <= feature_dates.as_of_date
            and responses.response_date > {{ add_days('feature_dates.as_of_date', -365) }}
    where responses.customer_id <> 'unknown'
),

counted as (
    select
        customer_id,
        as_of_date,
        count(*) as surveys_365d,
        max(case when kind = 'nps' and answer_number = 1 then score end) as last_nps_score,
        max(case when kind = 'csat' and answer_number = 1 then score end) as last_csat_score,
        min(days_ago) as days_since_survey
    from answers
    group by customer_id, as_of_date
),

final as (
    select
        purchases.customer_id,
        purchases.as_of_date,
        {{ feature('surveys_365d', 'survey_responses') }},
        {{ feature('last_nps_score', 'survey_responses', without='null') }},
        {{ feature('last_csat_score', 'survey_responses', without='null') }},
        {{ feature('days_since_survey', 'survey_responses', without='null') }}
    from {{ ref('feature_purchases') }} as purchases
    left join counted
        on purchases.customer_id = counted.customer_id and purchases.as_of_date = counted.as_of_date
)

select * from final
