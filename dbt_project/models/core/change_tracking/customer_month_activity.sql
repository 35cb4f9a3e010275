-- Grain: one row per (customer, month) in which something else than an order happened: what fct_customer_month adds to
-- the orders. Counts and amounts are zero where nothing of the kind happened.
{% set money = contract_type('decimal') %}

with happened as (
    select
        customer_id,
        return_date as happened_on,
        'return_lines' as measure,
        1 as amount
    from {{ ref('fct_return') }}
    union all
    select
        customer_id,
        return_date as happened_on,
        case when is_sale then 'refund_amount' else 'other_refund_amount' end as measure,
        {{ measure('fct_return', 'all_refunds') }} as amount
    from {{ ref('fct_return') }}
    union all
    select
        customer_id,
        return_date as happened_on,
        'recovered_amount' as measure,
        recovered_amount as amount
    from {{ ref('fct_return') }}
    where is_sale and recovered_amount is not null
    union all
    select
        customer_id,
        contact_date as happened_on,
        'campaign_contacts' as measure,
        1 as amount
    from {{ ref('fct_campaign_contact') }}
    where contact_date is not null and arm <> 'control'
    union all
    select
        customer_id,
        contact_date as happened_on,
        'contacts' as measure,
        1 as amount
    from {{ ref('fct_contact') }}
    union all
    select
        customer_id,
        opened_date as happened_on,
        'cases' as measure,
        1 as amount
    from {{ ref('fct_case') }}
    union all
    select
        customer_id,
        response_date as happened_on,
        'survey_responses' as measure,
        1 as amount
    from {{ ref('fct_survey_response') }}
    union all
    select
        customer_id,
        session_date as happened_on,
        'web_sessions' as measure,
        1 as amount
    from {{ ref('fct_web_session') }}
    union all
    select
        customer_id,
        cost_date as happened_on,
        kind || '_cost' as measure,
        amount
    from {{ ref('fct_cost_allocation') }}
)

select
    customer_id,
    cast(date_trunc('month', happened_on) as date) as month_start_date,
    cast(sum(case when measure = 'return_lines' then amount else 0 end) as bigint) as return_lines,
    cast(sum(case when measure = 'refund_amount' then amount else 0 end) as {{ money }}) as refund_amount,
    cast(sum(case when measure = 'other_refund_amount' then amount else 0 end) as {{ money }}) as other_refund_amount,
    cast(sum(case when measure = 'recovered_amount' then amount else 0 end) as {{ money }}) as recovered_amount,
    cast(sum(case when measure = 'campaign_contacts' then amount else 0 end) as bigint) as campaign_contacts,
    cast(sum(case when measure = 'contacts' then amount else 0 end) as bigint) as contacts,
    cast(sum(case when measure = 'cases' then amount else 0 end) as bigint) as cases,
    cast(sum(case when measure = 'survey_responses' then amount else 0 end) as bigint) as survey_responses,
    cast(sum(case when measure = 'web_sessions' then amount else 0 end) as bigint) as web_sessions,
    cast(sum(case when measure = 'acquisition_cost' then amount else 0 end) as {{ money }}) as acquisition_cost,
    cast(sum(case when measure = 'selling_cost' then amount else 0 end) as {{ money }}) as selling_cost,
    cast(sum(case when measure = 'service_cost' then amount else 0 end) as {{ money }}) as service_cost,
    cast(sum(case when measure = 'retention_cost' then amount else 0 end) as {{ money }}) as retention_cost
from happened
group by customer_id, date_trunc('month', happened_on)
