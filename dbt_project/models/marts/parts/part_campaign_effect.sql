-- Grain: one row per (campaign, measure): difference per customer between the treated and the control arm.
-- Welch: the arms may differ in size and variance; interval and p-value by Student's t with Satterthwaite's degrees of
-- freedom. Sums and squares are exact decimals. Only campaigns with a control group whose windows are over, and with
-- 30 customers or more in both arms, are judged.
{% set measures = ['purchases', 'net_sales', 'margin'] %}

with outcomes as (
    select * from {{ ref('part_campaign_outcome') }}
    where arm in ('treated', 'control')
),

measured as (
    {%- for measure in measures %}
    select
        campaign_id,
        arm,
        '{{ measure }}' as measure,
        cast({{ measure }} as {{ contract_type('decimal') }}) as amount,
        window_end_date
    from outcomes
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

arms as (
    select
        campaign_id,
        measure,
        {%- for arm in ['treated', 'control'] %}
        count(case when arm = '{{ arm }}' then 1 end) as {{ arm }}_customers,
        cast(sum(case when arm = '{{ arm }}' then amount else 0 end) as double) as {{ arm }}_sum,
        cast(sum(case when arm = '{{ arm }}' then amount * amount else 0 end) as double) as {{ arm }}_squares,
        {%- endfor %}
        count(*) - count(amount) as without_amount,
        max(window_end_date) as window_end_date
    from measured
    group by campaign_id, measure
),

moments as (
    select
        campaign_id,
        measure,
        treated_customers,
        control_customers,
        {%- for arm in ['treated', 'control'] %}
        greatest({{ arm }}_squares - {{ arm }}_sum * {{ arm }}_sum / {{ arm }}_customers, 0)
        / ({{ arm }}_customers - 1) / {{ arm }}_customers as {{ arm }}_variance,
        {%- endfor %}
        treated_sum / treated_customers - control_sum / control_customers as difference
    from arms
    where
        treated_customers >= 30 and control_customers >= 30
        and without_amount = 0
        and window_end_date <= {{ as_of_date() }}
),

errors as (
    select
        campaign_id,
        measure,
        difference,
        sqrt(treated_variance + control_variance) as standard_error,
        (treated_variance + control_variance) * (treated_variance + control_variance)
        / (
            treated_variance * treated_variance / (treated_customers - 1)
            + control_variance * control_variance / (control_customers - 1)
        ) as degrees_of_freedom
    from moments
    where treated_variance + control_variance > 0
),

rooted as (
    select
        *,
        {{ t_quantile_975('degrees_of_freedom') }} * standard_error as half_width,
        {{ student_root('(difference / standard_error)', 'degrees_of_freedom') }} as root
    from errors
),

tested as (
    select
        *,
        {{ normal_of_student_root('root', 'degrees_of_freedom') }} as z
    from rooted
)

select
    campaign_id,
    measure,
    round(difference, 6) as effect,
    round(difference - half_width, 6) as effect_low,
    round(difference + half_width, 6) as effect_high,
    round(2 * {{ normal_tail('z') }}, 8) as p_value
from tested
