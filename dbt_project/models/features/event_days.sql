-- Grain: one row per (as_of_date, event, starts_on). Key: all three.
-- Days that are known beforehand, past and to come: the only features that look ahead, for a calendar is no secret.
with feature_dates as (
    select * from {{ ref('feature_dates') }}
),

events as (
    select * from {{ ref('known_events') }}
),

final as (
    select
        feature_dates.as_of_date,
        events.event,
        events.starts_on,
        events.ends_on
    from events
    cross join feature_dates
)

select * from final
