-- Grain: one row per (campaign_id, period, customer_id): what was known on the eve of a window, and was bought in it.
-- Campaigns whose outcome windows are over, for at most two years. Of a randomised one both arms, each from its
-- contact. Of one without a control group that began for everybody within a week: whom it contacted, and others who had
-- bought by then, all from its first day (period campaign); and the same people as long before (period before), when it
-- could have no effect. Nobody is here who had not bought by the eve.
-- Large groups are cut: a hash of the customer_id chooses, which knows nothing of them.
{% set money = contract_type('decimal') %}

with outcomes as (
    select * from {{ ref('campaign_outcome') }}
),

campaigns as (
    select
        campaign_id,
        max(outcome_days) as outcome_days,
        min(contact_date) as first_date,
        max(case when arm = 'control' then 1 else 0 end) as has_control,
        max(case when arm = 'treated' then 1 else 0 end) as has_treated,
        max(case when arm = 'not_randomised' then 1 else 0 end) as has_others,
        {{ days_between('min(contact_date)', 'max(contact_date)') }} as contact_days
    from outcomes
    group by campaign_id
    having
        max(window_end_date) <= {{ as_of_date() }}
        and max(window_end_date) > {{ add_days(as_of_date(), -730) }}
),

randomised as (
    select
        outcomes.campaign_id,
        outcomes.customer_id,
        outcomes.arm,
        outcomes.contact_date,
        outcomes.outcome_days,
        100000 as most_customers
    from outcomes
    inner join campaigns on outcomes.campaign_id = campaigns.campaign_id
    where campaigns.has_control = 1 and campaigns.has_treated = 1 and outcomes.arm in ('treated', 'control')
),

observed as (
    select * from campaigns
    where has_control = 0 and has_treated = 0 and has_others = 1 and contact_days < 7
),

buyers as (
    select
        orders.customer_id,
        min(orders.order_date) as first_order_date
    from {{ ref('fct_order') }} as orders
    where orders.is_purchase and orders.customer_id <> 'unknown' and {{ by_as_of('orders.order_date') }}
    group by orders.customer_id
),

-- Twice as many as a campaign may need: some of them it contacted.
possible as (
    select
        *,
        row_number() over (order by md5(customer_id), customer_id) as place
    from buyers
),

compared as (
    select
        observed.campaign_id,
        possible.customer_id,
        case when outcomes.customer_id is null then 'not_contacted' else 'contacted' end as arm,
        observed.first_date as contact_date,
        observed.outcome_days,
        20000 as most_customers
    from observed
    inner join possible on observed.first_date > possible.first_order_date
    left join outcomes
        on observed.campaign_id = outcomes.campaign_id and possible.customer_id = outcomes.customer_id
    where outcomes.customer_id is not null or possible.place <= 40000
),

chosen as (
    select
        *,
        row_number() over (
            partition by campaign_id, arm order by md5(campaign_id || customer_id), customer_id
        ) as place
    from (
        select * from randomised
        union all
        select * from compared
    ) as people
),

windows as (
    select
        campaign_id,
        'campaign' as period,
        customer_id,
        arm,
        contact_date as start_date,
        outcome_days
    from chosen
    where place <= most_customers
    union all
    select
        campaign_id,
        'before' as period,
        customer_id,
        arm,
        {{ add_days('contact_date', '-outcome_days') }} as start_date,
        outcome_days
    from chosen
    where place <= most_customers and arm in ('contacted', 'not_contacted')
),

orders as (
    select
        windows.campaign_id,
        windows.period,
        windows.customer_id,
        orders.order_date,
        orders.net_sales,
        orders.cost_amount,
        {{ days_between('orders.order_date', 'windows.start_date') }} - 1 as days_ago,
        orders.order_date < windows.start_date and orders.known_date < windows.start_date as is_past,
        orders.order_date >= windows.start_date as is_outcome
    from windows
    inner join {{ ref('fct_order') }} as orders
        on
            windows.customer_id = orders.customer_id
            and orders.order_date < {{ add_days('windows.start_date', 'windows.outcome_days') }}
    where orders.is_purchase and {{ by_as_of('orders.order_date') }}
),

bought as (
    select
        campaign_id,
        period,
        customer_id,
        min(case when is_past then days_ago end) as recency_days,
        max(case when is_past then days_ago end) as tenure_days,
        count(distinct case when is_past then order_date end) as purchase_days,
        count(distinct case when is_past and days_ago < 28 then order_date end) as purchase_days_28d,
        count(distinct case when is_past and days_ago < 84 then order_date end) as purchase_days_84d,
        count(distinct case when is_past and days_ago < 365 then order_date end) as purchase_days_365d,
        sum(case when is_past then net_sales end) as net_sales,
        sum(case when is_past and days_ago < 84 then net_sales else 0 end) as net_sales_84d,
        sum(case when is_outcome then 1 else 0 end) as outcome_purchases,
        sum(case when is_outcome then net_sales else 0 end) as outcome_net_sales,
        case
            when count(case when is_outcome then cost_amount end) = sum(case when is_outcome then 1 else 0 end)
                then sum(case when is_outcome then net_sales - cost_amount else 0 end)
        end as outcome_margin
    from orders
    group by campaign_id, period, customer_id
),

received as (
    select
        windows.campaign_id,
        windows.period,
        windows.customer_id,
        count(*) as campaigns_received_84d
    from windows
    inner join {{ ref('fct_campaign_contact') }} as contacts
        on
            windows.customer_id = contacts.customer_id
            and windows.campaign_id <> contacts.campaign_id
            and windows.start_date > contacts.contact_date
            and windows.start_date > contacts.known_date
            and contacts.contact_date >= {{ add_days('windows.start_date', -84) }}
    where contacts.arm <> 'control'
    group by windows.campaign_id, windows.period, windows.customer_id
),

final as (
    select
        {{ as_of_date() }} as as_of_date,
        windows.campaign_id,
        windows.period,
        windows.customer_id,
        windows.arm,
        windows.outcome_days,
        bought.recency_days,
        bought.tenure_days,
        bought.purchase_days,
        bought.purchase_days_28d,
        bought.purchase_days_84d,
        bought.purchase_days_365d,
        cast(bought.net_sales as {{ money }}) as net_sales,
        cast(bought.net_sales_84d as {{ money }}) as net_sales_84d,
        coalesce(received.campaigns_received_84d, 0) as campaigns_received_84d,
        cast(bought.outcome_purchases as bigint) as outcome_purchases,
        cast(bought.outcome_net_sales as {{ money }}) as outcome_net_sales,
        cast(bought.outcome_margin as {{ money }}) as outcome_margin,
        windows.start_date
    from windows
    inner join bought
        on
            windows.campaign_id = bought.campaign_id
            and windows.period = bought.period
            and windows.customer_id = bought.customer_id
    left join received
        on
            windows.campaign_id = received.campaign_id
            and windows.period = received.period
            and windows.customer_id = received.customer_id
    where bought.recency_days is not null
)

select * from final
