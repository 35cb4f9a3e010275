-- Grain: one row per customer whose months an incremental build rebuilds; none in a full build.
-- The customer or one of its orders is rebuilt, something else happened in a month than the months say, or another
-- kind of cost is known, which concerns all of them.
{% set built = as_built('core', 'fct_customer_month') %}
{% set costs = ref('fct_cost_allocation') %}
{% set activity = ref('customer_month_activity') %}
with changed as (
    select customer_id from {{ ref('customers_changed') }}
)
{%- if built %},

before as (
    select
        customer_id,
        month_start_date,
        coalesce(return_lines, 0) as return_lines,
        coalesce(refund_amount, 0) as refund_amount,
        coalesce(other_refund_amount, 0) as other_refund_amount,
        coalesce(recovered_amount, 0) as recovered_amount,
        coalesce(campaign_contacts, 0) as campaign_contacts,
        coalesce(contacts, 0) as contacts,
        coalesce(cases, 0) as cases,
        coalesce(survey_responses, 0) as survey_responses,
        coalesce(web_sessions, 0) as web_sessions,
        coalesce(acquisition_cost, 0) as acquisition_cost,
        coalesce(selling_cost, 0) as selling_cost,
        coalesce(service_cost, 0) as service_cost,
        coalesce(retention_cost, 0) as retention_cost
    from {{ built }}
    where
        orders = 0 or return_lines <> 0 or campaign_contacts <> 0
        or refund_amount <> 0 or other_refund_amount <> 0 or recovered_amount <> 0
        or contacts <> 0 or cases <> 0 or survey_responses <> 0 or web_sessions <> 0
        or acquisition_cost <> 0 or selling_cost <> 0 or service_cost <> 0 or retention_cost <> 0
),

otherwise as ( -- noqa: ST03
    (
        select * from {{ activity }}
        except
        select * from before
    )
    union
    (
        select * from before
        except
        select * from {{ activity }}
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
        {{ known_cost_kinds() }}
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
