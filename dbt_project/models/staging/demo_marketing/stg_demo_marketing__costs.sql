-- Grain: one row per booked cost of a month.
with costs as (
    select * from {{ landed('costs') }}
)

{{ stage('costs', 'costs', columns={
    'cost_id': 'cost_no',
    'kind': 'kind',
    'channel': 'channel',
    'campaign_id': 'campaign_code',
    'currency': 'currency',
    'amount': 'amount',
    'period_start_date': 'month',
}) }}
