-- Grain: one row per customer with a contact, a case or an answer to a survey by the as-of date.
-- satisfaction is the class of the last answer to an NPS question (0-6 detractor, 7-8 passive, 9-10 promoter) or,
-- without one, of the last CSAT answer on its scale of 1 to 5 (1-2 dissatisfied, 3 neutral, 4-5 satisfied).
{% set first_day = add_days(as_of_date(), -364) %}

with contacts as (
    select
        customer_id,
        sum(case when contact_date >= {{ first_day }} then 1 else 0 end) as contacts_365d,
        max(contact_date) as last_contact_date
    from {{ ref('fct_contact') }}
    where {{ by_as_of('contact_date') }}
    group by customer_id
),

cases as (
    select
        customer_id,
        sum(case when resolved_date is null or resolved_date > {{ as_of_date() }} then 1 else 0 end) as open_cases,
        sum(case when opened_date >= {{ first_day }} then 1 else 0 end) as cases_365d,
        sum(case when opened_date >= {{ first_day }} and kind = 'complaint' then 1 else 0 end) as complaints_365d
    from {{ ref('fct_case') }}
    where {{ by_as_of('opened_date') }}
    group by customer_id
),

answers as (
    select
        customer_id,
        kind as satisfaction_kind,
        case
            when kind = 'nps' and score <= 6 then 'detractor'
            when kind = 'nps' and score <= 8 then 'passive'
            when kind = 'nps' then 'promoter'
            when score <= 2 then 'dissatisfied'
            when score = 3 then 'neutral'
            else 'satisfied'
        end as satisfaction,
        response_date as satisfaction_date,
        row_number() over (
            partition by customer_id
            order by case when kind = 'nps' then 0 else 1 end asc, responded_at desc, response_id asc
        ) as recency
    from {{ ref('fct_survey_response') }}
    where kind in ('nps', 'csat') and {{ by_as_of('response_date') }}
),

last_answers as (
    select * from answers
    where recency = 1
),

customers as (
    select customer_id from contacts
    union
    select customer_id from cases
    union
    select customer_id from last_answers
)

select
    customers.customer_id,
    last_answers.satisfaction,
    last_answers.satisfaction_kind,
    coalesce(contacts.contacts_365d, 0) as contacts_365d,
    coalesce(cases.open_cases, 0) as open_cases,
    coalesce(cases.cases_365d, 0) as cases_365d,
    coalesce(cases.complaints_365d, 0) as complaints_365d,
    last_answers.satisfaction_date,
    contacts.last_contact_date
from customers
left join contacts on customers.customer_id = contacts.customer_id
left join cases on customers.customer_id = cases.customer_id
left join last_answers on customers.customer_id = last_answers.customer_id
