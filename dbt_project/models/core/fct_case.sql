-- Grain: one row per case: a complaint, an enquiry … from its opening to its resolution. Key: case_id.
-- The row is what the source says last: what became of a case after a date is told by its dates, never by known_date.
with cases as (
    select * from {{ ref('int_cases') }}
),

source_customers as (
    select * from {{ ref('int_source_customers') }}
),

final as (
    select
        cases.source_system || ':' || cases.case_id as case_id,
        coalesce(source_customers.customer_id, 'unknown') as customer_id,
        cases.source_system,
        cases.kind,
        cases.reason,
        cases.reopened_count,
        cases.compensation_amount,
        {{ local_date('cases.opened_at') }} as opened_date,
        {{ local_date('cases.resolved_at') }} as resolved_date,
        {{ local_date('coalesce(cases._known_from, cases.opened_at)') }} as known_date,
        cases.opened_at,
        cases.first_response_at,
        cases.resolved_at
    from cases
    left join source_customers
        on
            cases.source_system = source_customers.source_system
            and cases.source_customer_id = source_customers.source_customer_id
)

{{ with_version('customer', 'final', 'opened_date') }}
