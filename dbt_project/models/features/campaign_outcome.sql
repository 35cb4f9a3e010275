-- Grain: one row per (campaign, customer) that a campaign reached, or drew for its control group, by the as-of date.
-- The outcome is what the customer buys from the contact to the end of the campaign, at least 28 days, the day of the
-- contact included; of an exported list within the horizon_days of its campaign. Purchases without regard to what they
-- were for: the other arm tells what would have been bought.
-- margin is after what came back of these purchases by the as-of date; net_sales are before.
-- purchases_before are those of the 365 days before the contact: they sharpen the comparison.
-- Two records of one customer may have been drawn for both arms: such a customer belongs to neither.
{% set money = contract_type('decimal') %}

with campaigns as (
    select
        campaign_id,
        coalesce(horizon_days, greatest(coalesce({{ days_between('start_date', 'end_date') }} + 1, 28), 28))
            as outcome_days
    from {{ ref('dim_campaign') }}
    where start_date <= {{ as_of_date() }}
),

contacts as (
    select
        campaign_id,
        customer_id,
        count(*) as contacts,
        max(case when arm = 'control' then 1 else 0 end) as in_control,
        max(case when arm = 'treated' then 1 else 0 end) as in_treated,
        max(case when {{ local_date('opened_at') }} <= {{ as_of_date() }} then 1 else 0 end) as has_opened,
        max(case when {{ local_date('clicked_at') }} <= {{ as_of_date() }} then 1 else 0 end) as has_clicked,
        max(case when {{ local_date('responded_at') }} <= {{ as_of_date() }} then 1 else 0 end) as has_responded,
        max(case
            when {{ local_date('coalesce(delivered_at, opened_at, clicked_at)') }} <= {{ as_of_date() }} then 1 else 0
        end) as is_delivered,
        max(case when {{ local_date('bounced_at') }} <= {{ as_of_date() }} then 1 else 0 end) as has_bounced,
        max(case when {{ local_date('unsubscribed_at') }} <= {{ as_of_date() }} then 1 else 0 end) as has_unsubscribed,
        min(contact_date) as contact_date
    from {{ ref('fct_campaign_contact') }}
    where {{ by_as_of('contact_date') }}
    group by campaign_id, customer_id
),

windows as (
    select
        contacts.*,
        cast(campaigns.outcome_days as int) as outcome_days,
        case
            when contacts.in_treated = 1 and contacts.in_control = 1 then 'both'
            when contacts.in_treated = 1 then 'treated'
            when contacts.in_control = 1 then 'control'
            else 'not_randomised'
        end as arm,
        {{ add_days('contacts.contact_date', 'cast(campaigns.outcome_days - 1 as int)') }} as window_end_date
    from contacts
    inner join campaigns on contacts.campaign_id = campaigns.campaign_id
),

returned as (
    select
        order_id,
        sum({{ measure('fct_return', 'refunds') }} - coalesce({{ measure('fct_return', 'recovered') }}, 0)) as amount
    from {{ ref('fct_return') }}
    where {{ by_as_of('return_date') }}
    group by order_id
),

orders as (
    select
        windows.campaign_id,
        windows.customer_id,
        orders.net_sales,
        orders.net_sales - orders.cost_amount - coalesce(returned.amount, 0) as margin,
        orders.order_date >= windows.contact_date as is_outcome
    from windows
    inner join {{ ref('fct_order') }} as orders
        on
            windows.customer_id = orders.customer_id
            and orders.order_date between {{ add_days('windows.contact_date', -365) }} and windows.window_end_date
    left join returned on orders.order_id = returned.order_id
    where orders.is_purchase and {{ by_as_of('orders.order_date') }}
),

purchases as (
    select
        campaign_id,
        customer_id,
        count(case when is_outcome then 1 end) as purchases,
        sum(case when is_outcome then net_sales else 0 end) as net_sales,
        case
            when count(case when is_outcome then margin end) = count(case when is_outcome then 1 end)
                then sum(case when is_outcome then margin else 0 end)
        end as margin,
        count(case when not is_outcome then 1 end) as purchases_before
    from orders
    group by campaign_id, customer_id
),

final as (
    select
        windows.campaign_id,
        windows.customer_id,
        windows.arm,
        windows.contacts,
        windows.has_opened = 1 as has_opened,
        windows.has_clicked = 1 as has_clicked,
        windows.has_responded = 1 as has_responded,
        windows.is_delivered = 1 as is_delivered,
        windows.has_bounced = 1 as has_bounced,
        windows.has_unsubscribed = 1 as has_unsubscribed,
        windows.outcome_days,
        cast(least({{ days_between('windows.contact_date', as_of_date()) }} + 1, windows.outcome_days) as int)
            as elapsed_days,
        coalesce(purchases.purchases_before, 0) as purchases_before,
        coalesce(purchases.purchases, 0) as purchases,
        cast(case when purchases.campaign_id is null then 0 else purchases.net_sales end as {{ money }}) as net_sales,
        cast(case when purchases.campaign_id is null then 0 else purchases.margin end as {{ money }}) as margin,
        windows.contact_date,
        windows.window_end_date
    from windows
    left join purchases
        on windows.campaign_id = purchases.campaign_id and windows.customer_id = purchases.customer_id
)

select * from final
