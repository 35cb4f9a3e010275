-- Grain: one row per (value_class, cost_class, verdict): the customers of marts.customer_selection, small enough to
-- be read. Figures of small groups are withheld (docs/decisions.md).
{% set total = contract_type('total') %}

with groups as (
    select
        value_class,
        cost_class,
        verdict,
        count(*) as customers,
        sum(value) as value,
        sum(cost_to_serve) as cost_to_serve
    from {{ ref('customer_selection') }}
    where verdict is not null
    group by value_class, cost_class, verdict
),

judged as (
    select
        *,
        {{ is_withheld('customers', "'all'", 'value_class, cost_class, verdict') }} as is_withheld,
        sum(value) over () as value_of_all
    from groups
)

select
    value_class,
    cost_class,
    verdict,
    {{ as_of_date() }} as as_of_date,
    case when is_withheld then 'of too few customers' end as unavailable_reason,
    customers,
    cast(case when not is_withheld then value end as {{ total }}) as value,
    cast(case when not is_withheld then cost_to_serve end as {{ total }}) as cost_to_serve,
    case when not is_withheld and value_of_all > 0 then {{ quotient('value', 'value_of_all', 6) }} end as value_share,
    case when not is_withheld and value > 0 then {{ quotient('cost_to_serve', 'value', 6) }} end as cost_share
from judged
