-- Grain: one row per row of marts.campaign_performance, beside what its arms and its costs add up to elsewhere.
with contacts as (
    select
        campaign_id,
        count(distinct customer_id) as customers
    from core.fct_campaign_contact
    where contact_date <= getvariable('as_of') and known_date <= getvariable('as_of')
    group by campaign_id
),

costs as (
    select
        campaign_id,
        sum(amount) as cost_amount
    from core.fct_cost_allocation
    where cost_date <= getvariable('as_of') and known_date <= getvariable('as_of')
    group by campaign_id
)

select
    performance.campaign_id,
    performance.as_of_date - getvariable('as_of') as days_from_as_of,
    performance.reached_customers + performance.control_customers - coalesce(contacts.customers, 0)
        as customers_less_contacted,
    cast(coalesce(performance.cost_amount, 0) - coalesce(costs.cost_amount, 0) as double) as cost_less_allocated,
    performance.incremental_conversion as effect,
    performance.incremental_conversion_low as effect_low,
    performance.incremental_conversion_high as effect_high,
    cast(performance.incremental_profit_high - performance.incremental_profit_low as double) as profit_width,
    performance.p_value,
    performance.adjusted_p_value,
    cast(
        performance.treated_converted / nullif(performance.treated_customers, 0)
        - performance.control_converted / nullif(performance.control_customers, 0)
        - performance.incremental_conversion as double
    ) as arms_less_effect,
    performance.is_effect_certain is not null and performance.unavailable_reason is not null
    or performance.is_effect_certain is null and performance.unavailable_reason is null as is_unexplained,
    performance.is_effect_certain is not null
    and (not performance.is_randomised or performance.window_end_date > getvariable('as_of')) as is_judged_too_soon
from marts.campaign_performance as performance
left join contacts on performance.campaign_id = contacts.campaign_id
left join costs on performance.campaign_id = costs.campaign_id
