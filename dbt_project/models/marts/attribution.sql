-- Grain: one row per (model, purchase_month, channel, campaign_id). Key: these.
-- Purchases and their net sales, shared out among the touchpoints of the 30 days before them. Each model gives away
-- every purchase once: its rows add up to all purchases and their net sales. Those without a touchpoint have own rows.
-- It describes what stood before a purchase. What a campaign caused is in campaign_performance.
{% set has_touchpoints = 'true' if var('providers').get('campaign_contacts') or var('providers').get('web_events')
    else 'false' %}

with purchases as (
    select
        order_id,
        net_sales,
        cast(date_trunc('month', order_date) as date) as purchase_month
    from {{ ref('fct_order') }}
    where is_purchase and {{ by_as_of('order_date') }}
),

credits as (
    select
        credit.model,
        credit.order_id,
        touchpoint.channel,
        touchpoint.campaign_id,
        credit.purchases,
        credit.net_sales
    from {{ ref('part_attribution_credit') }} as credit
    inner join {{ ref('touchpoint') }} as touchpoint
        on credit.order_id = touchpoint.order_id and credit.touch_number = touchpoint.touch_number
),

models as (
    select known.model
    from (values ('first'), ('last'), ('linear'), ('position'), ('time_decay'), ('markov')) as known (model)
),

touched as (
    select distinct order_id from {{ ref('touchpoint') }}
    where order_id is not null
),

all_parts as (
    select * from credits
    union all
    select
        models.model,
        purchases.order_id,
        'none' as channel,
        'none' as campaign_id,
        1 as purchases,
        purchases.net_sales
    from purchases
    left join touched on purchases.order_id = touched.order_id
    cross join models
    where touched.order_id is null
),

final as (
    select
        all_parts.model,
        purchases.purchase_month,
        all_parts.channel,
        all_parts.campaign_id,
        {{ as_of_date() }} as as_of_date,
        cast(sum(all_parts.purchases) as decimal(18, 6)) as purchases,
        cast(sum(all_parts.net_sales) as {{ contract_type('decimal') }}) as net_sales,
        'description, not cause' as evidence,
        case
            when not {{ has_touchpoints }} then 'no active source provides campaign contacts or web events'
            when all_parts.channel = 'none' then 'no touchpoint is known in the 30 days before'
        end as unavailable_reason
    from all_parts
    inner join purchases on all_parts.order_id = purchases.order_id
    group by all_parts.model, purchases.purchase_month, all_parts.channel, all_parts.campaign_id
)

select * from final
