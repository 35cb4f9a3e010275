-- Grain: one row per (customer, month) in which something else than an order happened: what fct_customer_month adds to
-- the orders. Counts and amounts are zero where nothing of the kind happened.
{% set facts = [
    ('fct_return', 'return_date', none, {
        'return_lines': '1',
        'refund_amount': 'case when is_sale then refund_amount else 0 end',
        'other_refund_amount': 'case when is_sale then 0 else refund_amount end',
        'recovered_amount': 'case when is_sale then coalesce(recovered_amount, 0) else 0 end',
    }),
    ('fct_campaign_contact', 'contact_date', "contact_date is not null and arm <> 'control'", {'campaign_contacts': '1'}),
    ('fct_contact', 'contact_date', none, {'contacts': '1'}),
    ('fct_case', 'opened_date', none, {'cases': '1'}),
    ('fct_survey_response', 'response_date', none, {'survey_responses': '1'}),
    ('fct_web_session', 'session_date', none, {'web_sessions': '1'}),
    ('fct_cost_allocation', 'cost_date', none, {
        'acquisition_cost': "case when kind = 'acquisition' then amount else 0 end",
        'selling_cost': "case when kind = 'selling' then amount else 0 end",
        'service_cost': "case when kind = 'service' then amount else 0 end",
        'retention_cost': "case when kind = 'retention' then amount else 0 end",
    }),
] %}

with happened as (
    {%- for fact, date, condition, measures in facts %}
    select
        customer_id,
        {%- for measure in month_activity() %}
        {{ measures.get(measure, '0') }} as {{ measure }},
        {%- endfor %}
        cast(date_trunc('month', {{ date }}) as date) as month_start_date
    from {{ ref(fact) }}
    {{ 'where ' ~ condition if condition }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select
    {%- for measure, type in month_activity().items() %}
    cast(sum({{ measure }}) as {{ contract_type(type) }}) as {{ measure }},
    {%- endfor %}
    customer_id,
    month_start_date
from happened
group by customer_id, month_start_date
