-- Grain: one row per (campaign, arm) with customers in it, by the as-of date: what they did, and what they bought in
-- the outcome window, whatever for. The arms compare only as shares of their customers; marts.campaign_performance
-- does that. margin is after cost of goods and returns. cost_amount is what customers of the arm carry; a cost that
-- nobody carries is in campaign_performance only.
{% set money = contract_type('decimal') %}

with outcomes as (
    select * from {{ ref('campaign_outcome') }}
),

costs as (
    select
        campaign_id,
        customer_id,
        sum(amount) as cost_amount
    from {{ ref('fct_cost_allocation') }}
    where {{ by_as_of('cost_date') }}
    group by campaign_id, customer_id
)

select
    outcomes.campaign_id,
    outcomes.arm,
    {{ as_of_date() }} as as_of_date,
    count(*) as customers,
    count(case when outcomes.arm <> 'control' then 1 end) as contacted_customers,
    count(case when outcomes.is_delivered then 1 end) as delivered_customers,
    count(case when outcomes.has_opened then 1 end) as opened_customers,
    count(case when outcomes.has_clicked then 1 end) as clicked_customers,
    count(case when outcomes.has_responded then 1 end) as responded_customers,
    count(case when outcomes.has_bounced then 1 end) as bounced_customers,
    count(case when outcomes.has_unsubscribed then 1 end) as unsubscribed_customers,
    count(case when outcomes.purchases > 0 then 1 end) as converted_customers,
    cast(sum(outcomes.purchases) as bigint) as purchases,
    cast(sum(outcomes.net_sales) as {{ money }}) as net_sales,
    cast(case when count(outcomes.margin) = count(*) then sum(outcomes.margin) end as {{ money }}) as margin,
    cast(sum(costs.cost_amount) as {{ money }}) as cost_amount
from outcomes
left join costs on outcomes.campaign_id = costs.campaign_id and outcomes.customer_id = costs.customer_id
group by outcomes.campaign_id, outcomes.arm
