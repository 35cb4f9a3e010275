-- Grain: one row per delivery of an event.
-- utm_campaign is a code of the marketing system.
with events as (
    select * from {{ landed('events') }}
)

{{ stage('web_events', 'events', columns={
    'event_id': 'event_id',
    'anonymous_id': 'visitor_id',
    'source_customer_id': 'user_id',
    'type': 'type',
    'page': 'path',
    'referrer': 'referrer',
    'campaign_id': 'utm_campaign',
    'occurred_at': 'ts',
}) }}
