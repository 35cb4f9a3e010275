-- Grain: one row per behaviour_id. Key: behaviour_id.
-- What each group of marts.behaviour_segments is, what it has bought, and what to do. Counts and sums of
-- groups of fewer than 10 customers are null.
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

total as (
    select sum(customers) as customers from assigned
)

select
    groups.behaviour_id,
    groups.behaviour_name,
    cast(groups.as_of_date as date) as as_of_date,
    groups.run_id,
    groups.description,
    groups.advice,
    groups.strongest_season,
    groups.orders_a_year,
    groups.order_value,
    groups.yearly_leaving,
    groups.price_ratio,
    groups.season_ratio,
    groups.modelled_share,
    case when assigned.customers >= 10 then assigned.customers end as customers,
    case when assigned.customers >= 10 then round(assigned.customers / cast(total.customers as double), 6) end
        as customer_share,
    case when assigned.customers >= 10 then cast(assigned.net_sales as {{ contract_type('total') }}) end as net_sales,
    case when assigned.customers >= 10 then cast(assigned.clv_future as {{ contract_type('total') }}) end as clv_future
from groups
left join assigned on groups.behaviour_id = assigned.behaviour_id
cross join total
