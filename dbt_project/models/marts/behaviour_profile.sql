-- Grain: one row per behaviour_id. Key: behaviour_id.
-- What each group of marts.behaviour_segments is, what it has bought, and what to do.
-- Figures of small groups are withheld (docs/decisions.md).
with groups as (
    select * from {{ scores('behaviour_groups') }}
    where behaviour_id is not null
),

assigned as (
    select
        segments.behaviour_id,
        count(*) as customers,
        sum(customers.net_sales) as net_sales,
        sum(customers.clv_future) as clv_future
    from {{ ref('behaviour_segments') }} as segments
    inner join {{ ref('customer_360') }} as customers on segments.customer_id = customers.customer_id
    where segments.behaviour_id is not null
    group by segments.behaviour_id
),

shared as (
    select
        *,
        {{ is_withheld('customers', "'all'", 'behaviour_id asc') }} as is_withheld,
        {{ rounded('customers / cast(sum(customers) over () as double)', 6) }} as customer_share
    from assigned
)

select
    groups.behaviour_id,
    groups.behaviour_name,
    cast(groups.as_of_date as date) as as_of_date,
    groups.run_id,
    case
        when shared.customers is null then 'no customers'
        when shared.is_withheld then 'of too few customers'
    end as unavailable_reason,
    groups.description,
    groups.advice,
    groups.strongest_season,
    groups.orders_a_year,
    groups.order_value,
    groups.yearly_leaving,
    groups.price_ratio,
    groups.season_ratio,
    groups.modelled_share,
    coalesce(shared.customers, 0) as customers,
    coalesce(shared.customer_share, 0) as customer_share,
    cast(case when not shared.is_withheld then shared.net_sales end as {{ contract_type('total') }}) as net_sales,
    cast(case when not shared.is_withheld then shared.clv_future end as {{ contract_type('total') }}) as clv_future
from groups
left join shared on groups.behaviour_id = shared.behaviour_id
