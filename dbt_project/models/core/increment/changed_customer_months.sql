-- Grain: one row per customer whose months an incremental build makes anew; none in a full build.
-- The customer or one of its orders is made anew, something else happened in a month than the months say, or another
-- kind of cost is known, which concerns all of them.
{% set built = as_built('core', 'fct_customer_month') %}
{% set costs = ref('fct_cost_allocation') %}
{% set kinds = ['acquisition', 'selling', 'service', 'retention'] %}
with activity as (
    select
        customer_id,
        month_start_date,
        {{ month_activity() | join(',\n        ') }}
    from {{ ref('customer_month_activity') }}
),

{%- if built %}
before as (
    select
        customer_id,
        month_start_date,
        {%- for measure in month_activity() %}
        coalesce({{ measure }}, 0) as {{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ built }}
    where orders = 0 or {{ month_activity() | join(' <> 0 or ') }} <> 0
),

known_before as (
    select
        {%- for kind in kinds %}
        count({{ kind }}_cost) > 0 as has_{{ kind }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ built }}
),

known as (
    select
        {%- for kind in kinds %}
        {{ is_cost_known(kind) }} as has_{{ kind }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ costs }}
),

otherwise as (
    (select * from activity except select * from before)
    union
    (select * from before except select * from activity)
),
{%- endif %}

final as (
    select customer_id from {{ ref('changed_customers') }}
    {%- if built %}
    union
    select customer_id from otherwise
    union
    select built.customer_id
    from {{ built }} as built
    inner join (select * from known except select * from known_before) as other_kinds on 1 = 1
    {%- endif %}
)

select * from final
{{ left_pending(['customer_id']) }}
