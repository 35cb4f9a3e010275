-- Grain: one row per delivery of an opportunity: it comes again when its stage changes.
with opportunities as (
    select * from {{ landed('opportunities') }}
)

{{ stage('opportunities', 'opportunities', columns={
    'opportunity_id': 'opportunity_no',
    'source_customer_id': 'account_no',
    'stage': 'stage',
    'owner_id': 'owner',
    'amount': 'amount',
    'is_won': 'is_won',
    'opened_at': 'opened_at',
    'closed_at': 'closed_at',
}) }}
