-- Grain: one row per delivery of an answer to a survey.
with surveys as (
    select * from {{ landed('surveys') }}
)

{{ stage('survey_responses', 'surveys', columns={
    'response_id': 'survey_no',
    'source_customer_id': 'service_no',
    'kind': 'kind',
    'case_id': 'case_no',
    'comment': 'comment',
    'score': 'score',
    'responded_at': 'responded_at',
}) }}
