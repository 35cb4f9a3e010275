-- Grain: one row per case resolved by the as-of date. The days are those from opening to the last resolution.
with contacts as (
    select
        case_id,
        count(*) as contacts
    from {{ ref('fct_contact') }}
    where case_id <> 'not_in_data' and {{ by_as_of('contact_date') }}
    group by case_id
)

select
    cases.case_id,
    cases.customer_id,
    cases.kind,
    cases.reopened_count,
    coalesce(contacts.contacts, 0) as contacts,
    {{ days_between('cases.opened_date', 'cases.resolved_date') }} as days_to_resolve,
    cases.resolved_date,
    cases.known_date
from {{ ref('fct_case') }} as cases
left join contacts on cases.case_id = contacts.case_id
where cases.resolved_date <= {{ as_of_date() }} and cases.known_date <= {{ as_of_date() }}
