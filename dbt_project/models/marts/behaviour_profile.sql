-- Grain: one row per behaviour_id. Key: behaviour_id.
-- What each group of marts.behaviour_segments is, what it has bought, and what to do. Counts and sums of
-- groups that are too small to publish are null, and shares are of the customers of the others.
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

large as (
    select * from assigned
    where customers >= {{ of_build('smallest_group') }}
),

total as (
    select sum(customers) as customers from large
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
    large.customers,
    round(large.customers / cast(total.customers as double), 6) as customer_share,
    cast(large.net_sales as {{ contract_type('total') }}) as net_sales,
    cast(large.clv_future as {{ contract_type('total') }}) as clv_future
from groups
left join large on groups.behaviour_id = large.behaviour_id
cross join total
