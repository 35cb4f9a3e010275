-- Grain: one row per delivery of a contact.
-- order_no is an order of the shop.
with contacts as (
    select * from {{ landed('contacts') }}
)

{{ stage('contacts', 'contacts', columns={
    'contact_id': 'contact_no',
    'source_customer_id': 'service_no',
    'channel': 'channel',
    'direction': 'direction',
    'reason': 'topic',
    'agent_id': 'agent',
    'outcome': 'outcome',
    'case_id': 'case_no',
    'order_id': 'order_no',
    'wait_seconds': 'wait_seconds',
    'handle_seconds': 'handle_seconds',
    'cost_amount': 'cost',
    'is_abandoned': 'abandoned',
    'contacted_at': 'started_at',
}) }}
