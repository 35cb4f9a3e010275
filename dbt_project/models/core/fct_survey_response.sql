-- Grain: one row per answer to a survey. Key: response_id.
-- The scale belongs to the kind: nps 0 to 10, csat and ces as the source asks. What people wrote is personal: not here.
with responses as (
    select * from {{ ref('int_survey_responses') }}
),

source_customers as (
    select * from {{ ref('int_source_customers') }}
),

cases as (
    select source_system, source_id as source_case_id, core_id as case_id from {{ ref('int_references') }}
    where entity = 'cases'
),

final as (
    select
        responses.source_system || ':' || responses.response_id as response_id,
        coalesce(source_customers.customer_id, 'unknown') as customer_id,
        coalesce(cases.case_id, 'not_in_data') as case_id,
        responses.source_system,
        responses.kind,
        responses.score,
        {{ local_date('responses.responded_at') }} as response_date,
        {{ local_date('coalesce(responses._known_from, responses.responded_at)') }} as known_date,
        responses.responded_at
    from responses
    left join source_customers
        on
            responses.source_system = source_customers.source_system
            and responses.source_customer_id = source_customers.source_customer_id
    left join cases
        on responses.source_system = cases.source_system and responses.case_id = cases.source_case_id
)

{{ with_version('customer', 'final', 'response_date') }}
