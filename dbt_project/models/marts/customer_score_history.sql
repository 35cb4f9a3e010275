-- Grain: one row per (customer_id, as_of_date, run_id): every published score, of this release and those before it.
-- A run is of one job; the columns of the other jobs are null.
{% set columns = {
    'segments': ['segment_name', 'tier', 'lifecycle_stage', 'recency_score', 'frequency_score', 'monetary_score'],
    'clv': ['p_alive', 'expected_purchases', 'clv_future'],
    'churn': ['churn_probability', 'risk_band'],
} %}
{% set types = {
    'segment_name': 'text', 'tier': 'text', 'lifecycle_stage': 'text', 'risk_band': 'text', 'clv_future': 'decimal',
    'recency_score': 'integer', 'frequency_score': 'integer', 'monetary_score': 'integer',
} %}

{% for job in columns %}
select
    customer_id,
    cast(as_of_date as date) as as_of_date,
    run_id,
    '{{ job }}' as job,
    {%- for owner, names in columns.items() %}
    {%- for name in names %}
    cast({{ name if owner == job else 'null' }} as {{ contract_type(types[name]) if name in types else 'double' }}) as {{ name }}
    {{- ',' if not (loop.last and owner == 'churn') }}
    {%- endfor %}
    {%- endfor %}
from {{ scores(job, history=true) }}
{{ "where churn_probability is not null" if job == 'churn' }}
{{ "where clv_future is not null" if job == 'clv' }}
{{ 'union all' if not loop.last }}
{% endfor %}
