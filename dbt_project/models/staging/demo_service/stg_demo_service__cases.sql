-- Grain: one row per delivery of a case: it comes again when it changes.
with cases as (
    select * from {{ landed('cases') }}
)

{{ stage('cases', 'cases', columns={
    'case_id': 'case_no',
    'source_customer_id': 'service_no',
    'kind': 'kind',
    'reason': 'topic',
    'reopened_count': 'reopened_count',
    'compensation_amount': 'compensation',
    'opened_at': 'opened_at',
    'first_response_at': 'first_response_at',
    'resolved_at': 'resolved_at',
}) }}
