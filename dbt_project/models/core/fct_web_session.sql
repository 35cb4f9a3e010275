-- Grain: one row per session: events of a visitor, none more than 30 minutes after the one before. Key: session_id.
-- Customer: the last user known at the visitor's device by the end of the session, in it or before it. Where the first
-- user comes later, the session stays with the unknown customer: nobody could have said then whose it was.
with events as (
    select * from {{ ref('int_web_events') }}
),

source_customers as (
    select * from {{ ref('int_source_customers') }}
),

campaigns as (
    select source_system, source_id as source_campaign_id, core_id as campaign_id from {{ ref('int_references') }}
    where entity = 'campaigns'
),

identified as (
    select
        events.source_system,
        events.anonymous_id,
        events.event_id,
        events.type,
        source_customers.customer_id,
        case when events.campaign_id is not null then coalesce(campaigns.campaign_id, 'unknown') end as campaign_id,
        {{ local_date('coalesce(events._known_from, events.occurred_at)') }} as known_date,
        events.occurred_at
    from events
    left join source_customers
        on
            events.source_system = source_customers.source_system
            and events.source_customer_id = source_customers.source_customer_id
    left join campaigns
        on events.source_system = campaigns.source_system and events.campaign_id = campaigns.source_campaign_id
),

-- How many events had named somebody so far: equal numbers stand for the same last known user.
ordered as (
    select
        *,
        lag(occurred_at) over by_time as previous_at,
        count(customer_id) over by_time as users_so_far
    from identified
    window by_time as (partition by source_system, anonymous_id order by occurred_at, event_id)
),

numbered as (
    select
        *,
        sum(case when occurred_at <= previous_at + interval 30 minute then 0 else 1 end) over (
            partition by source_system, anonymous_id order by occurred_at, event_id
        ) as session_number
    from ordered
),

placed as (
    select
        *,
        row_number() over by_time as position_in_session,
        count(campaign_id) over by_time as campaigns_so_far
    from numbered
    window by_time as (partition by source_system, anonymous_id, session_number order by occurred_at, event_id)
),

users as (
    select
        source_system,
        anonymous_id,
        users_so_far,
        customer_id,
        known_date
    from placed
    where customer_id is not null
),

sessions as (
    select
        source_system,
        anonymous_id,
        session_number,
        max(case when position_in_session = 1 then event_id end) as first_event_id,
        max(case when campaigns_so_far = 1 then campaign_id end) as campaign_id,
        max(users_so_far) as users_so_far,
        count(*) as events,
        count(case when type = 'page_view' then 1 end) as page_views,
        max(case when type = 'checkout' then 1 else 0 end) = 1 as has_checkout,
        max(known_date) as known_date,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at
    from placed
    group by source_system, anonymous_id, session_number
),

final as (
    select
        sessions.source_system || ':' || sessions.first_event_id as session_id,
        coalesce(users.customer_id, 'unknown') as customer_id,
        coalesce(sessions.campaign_id, 'unknown') as campaign_id,
        {{ content_hash(['sessions.source_system', 'sessions.anonymous_id']) }} as visitor_key,
        sessions.source_system,
        sessions.events,
        sessions.page_views,
        sessions.has_checkout,
        {{ local_date('sessions.started_at') }} as session_date,
        greatest(sessions.known_date, coalesce(users.known_date, sessions.known_date)) as known_date,
        sessions.started_at,
        sessions.ended_at
    from sessions
    left join users
        on
            sessions.source_system = users.source_system
            and sessions.anonymous_id = users.anonymous_id
            and sessions.users_so_far = users.users_so_far
)

{{ with_version('customer', 'final', 'session_date') }}
