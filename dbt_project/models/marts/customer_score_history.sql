-- Grain: one row per (customer_id, as_of_date, run_id): published scores, of this release and those
-- before it: all days of the newest month, and the last one of each month before (pipeline/history.py).
-- A run is of one job; the columns of the other jobs are null.
{% set scores_of = {
    'segments': [
        ('segment_name', 'text'), ('tier', 'text'), ('lifecycle_stage', 'text'), ('recency_score', 'integer'),
        ('frequency_score', 'integer'), ('monetary_score', 'integer'),
    ],
    'clv': [('p_alive', 'double'), ('expected_purchases', 'double'), ('clv_future_before_returns', 'decimal')],
    'churn': [('churn_probability', 'double'), ('risk_band', 'text')],
} %}

{% for job, own in scores_of.items() %}
select
    customer_id,
    cast(as_of_date as date) as as_of_date,
    run_id,
    {%- for columns in scores_of.values() %}
    {%- for name, type in columns %}
    {%- set scored = 'clv_future' if name == 'clv_future_before_returns' else name %}
    cast({{ scored if columns == own else 'null' }} as {{ contract_type(type) }}) as {{ name }},
    {%- endfor %}
    {%- endfor %}
    '{{ job }}' as job
from {{ scores(job, history=true) }}
where unavailable_reason is null
{{ 'union all' if not loop.last }}
{% endfor %}
