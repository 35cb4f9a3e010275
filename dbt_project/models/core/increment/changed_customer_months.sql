-- Grain: one row per customer whose months an incremental build rebuilds; none in a full build.
-- The customer or one of its orders is rebuilt, something else happened in a month than the months say, or another
-- kind of cost is known, which concerns all of them.
{% set built = as_built('core', 'fct_customer_month') %}
{% set costs = ref('fct_cost_allocation') %}
{% set activity = ref('customer_month_activity') %}
{% set columns = (['customer_id', 'month_start_date'] + month_activity() | list) | join(', ') %}
with changed as (
    select customer_id from {{ ref('changed_customers') }}
)
{%- if built %},

before as (
    select
        {%- for measure in month_activity() %}
        coalesce({{ measure }}, 0) as {{ measure }},
        {%- endfor %}
        customer_id,
        month_start_date
    from {{ built }}
    where orders = 0 or {{ month_activity() | join(' <> 0 or ') }} <> 0
),

otherwise as ( -- noqa: ST03
    (
        select {{ columns }} from {{ activity }}
        except
        select {{ columns }} from before
    )
    union
    (
        select {{ columns }} from before
        except
        select {{ columns }} from {{ activity }}
    )
),

known_before as (
    select
        count(acquisition_cost) > 0 as has_acquisition,
        count(selling_cost) > 0 as has_selling,
        count(service_cost) > 0 as has_service,
        count(retention_cost) > 0 as has_retention
    from {{ built }}
),

otherwise_known as ( -- noqa: ST03
    select
        {{ is_cost_known('acquisition') }} as has_acquisition,
        {{ is_cost_known('selling') }} as has_selling,
        {{ is_cost_known('service') }} as has_service,
        {{ is_cost_known('retention') }} as has_retention
    from {{ costs }}
    except
    select * from known_before
)
{%- endif %}

select * from changed
{%- if built %}
union
select customer_id from otherwise
union
select customer_id
from {{ built }}
where exists (select has_service from otherwise_known)
{%- endif %}
{{ left_pending(['customer_id']) }}
