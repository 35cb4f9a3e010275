-- Grain: one row per (customer_id, as_of_date, run_id): published scores, of this release and those
-- before it: all days of the newest month, and the last one of each month before (pipeline/build/history.py).
-- A run is of one job; the columns of the other jobs are null.
{% set before_returns = ['clv_future', 'clv_future_p10', 'clv_future_p90'] %}
{% set columns_of = {
    'segments': [
        ('segment_name', 'text'), ('tier', 'text'), ('lifecycle_stage', 'text'), ('recency_score', 'integer'),
        ('frequency_score', 'integer'), ('monetary_score', 'integer'),
    ],
    'clv': [
        ('p_alive', 'double'), ('expected_purchases', 'double'), ('annual_discount_rate', 'double'),
        ('clv_future', 'decimal'), ('clv_future_p10', 'decimal'), ('clv_future_p90', 'decimal'),
    ],
    'churn': [('churn_probability', 'double'), ('risk_band', 'text')],
} %}
{% set of_forecasts = [('model_version', 'text'), ('horizon_days', 'integer')] %}

{% for job in columns_of %}
select
    customer_id,
    cast(as_of_date as date) as as_of_date,
    run_id,
    {%- for name, type in of_forecasts %}
    cast({{ name if job != 'segments' else 'null' }} as {{ contract_type(type) }}) as {{ name }},
    {%- endfor %}
    {%- for owner, columns in columns_of.items() %}
    {%- for name, type in columns %}
    cast({{ name if owner == job else 'null' }} as {{ contract_type(type) }})
        as {{ name }}{{ '_before_returns' if name in before_returns }},
    {%- endfor %}
    {%- endfor %}
    '{{ job }}' as job
from {{ scores(job, history=true) }}
where unavailable_reason is null
{{ 'union all' if not loop.last }}
{% endfor %}
