-- Grain: one row per (cost, customer) that carries a part of it. Key: allocation_id. Additive: amount.
-- Costs, positive: booked costs (fct_cost), the own cost of each contact, and campaign contacts at the unit cost of
-- their campaign. Sums equal those of the three, to the last digit; what falls on nobody stands under 'unknown'.
-- A booked cost is that of a month: it counts when the month is over, and is shared among what was known by then, so
-- that a row that comes later does not move a cost that has been brought to a customer.
-- Shares are whole units of the smallest coin by the largest remainder.
{% set decimal = contract_type('decimal') %}

with contact_costs as (
    select
        'contact:' || contact_id as allocation_id,
        customer_id,
        source_system,
        campaign_id,
        'service' as kind,
        'contact' as source,
        contact_id as cost_id,
        cost_amount as amount,
        contact_date as cost_date,
        known_date
    from {{ ref('fct_contact') }}
    where cost_amount is not null
),

campaigns as (
    select
        campaign_id,
        unit_cost,
        case when objective = 'acquisition' then 'acquisition' else 'retention' end as kind
    from {{ ref('dim_campaign') }}
),

written_to as (
    select
        contacts.campaign_contact_id,
        contacts.campaign_id,
        contacts.customer_id,
        contacts.source_system,
        contacts.contact_date,
        contacts.known_date,
        campaigns.kind,
        campaigns.unit_cost
    from {{ ref('fct_campaign_contact') }} as contacts
    inner join campaigns on contacts.campaign_id = campaigns.campaign_id
    where contacts.arm <> 'control' and contacts.contact_date is not null
),

campaign_contact_costs as (
    select
        'campaign contact:' || campaign_contact_id as allocation_id,
        customer_id,
        source_system,
        campaign_id,
        kind,
        'campaign contact' as source,
        campaign_contact_id as cost_id,
        unit_cost as amount,
        contact_date as cost_date,
        known_date
    from written_to
    where unit_cost is not null
),

costs as (
    select
        *,
        cast(date_trunc('month', period_start_date) as date) as month_start_date,
        last_day(period_start_date) as month_end_date,
        greatest(last_day(period_start_date), known_date) as closed_date
    from {{ ref('fct_cost') }}
),

purchases as (
    select
        customer_id,
        channel,
        seller_channel,
        cast(date_trunc('month', order_date) as date) as month_start_date,
        known_date
    from {{ ref('fct_order') }}
    where
        is_purchase
        and order_date <= (
            select max(month_end_date)
            from costs
            where kind in ('acquisition', 'selling')
        )
),

-- A month is that of a customer's first purchase until one of an earlier month becomes known.
first_months as (
    select
        customer_id,
        month_start_date,
        min(known_date) as known_date,
        min(min(known_date)) over (
            partition by customer_id order by month_start_date rows between unbounded preceding and 1 preceding
        ) as earlier_known_date
    from purchases
    group by customer_id, month_start_date
),

-- What carries a cost: once for each purchase, contact or letter.
carriers as (
    select
        costs.cost_id,
        first_months.customer_id
    from costs
    inner join first_months on costs.month_start_date = first_months.month_start_date
    inner join {{ ref('dim_customer') }} as customers on first_months.customer_id = customers.customer_id
    where
        costs.kind = 'acquisition'
        and first_months.known_date <= costs.closed_date
        and coalesce(first_months.earlier_known_date > costs.closed_date, true)
        and not customers.is_unknown
        and costs.channel in ('not_applicable', customers.acquisition_channel)
    union all
    select
        costs.cost_id,
        purchases.customer_id
    from costs
    inner join purchases on costs.month_start_date = purchases.month_start_date
    where
        costs.kind = 'selling'
        and purchases.known_date <= costs.closed_date
        and costs.channel in ('not_applicable', purchases.channel, purchases.seller_channel)
    union all
    select
        costs.cost_id,
        contacts.customer_id
    from costs
    inner join {{ ref('fct_contact') }} as contacts
        on costs.month_start_date = cast(date_trunc('month', contacts.contact_date) as date)
    where
        costs.kind = 'service'
        and contacts.known_date <= costs.closed_date
        and costs.channel in ('not_applicable', contacts.channel)
    union all
    select
        costs.cost_id,
        contacts.customer_id
    from costs
    inner join written_to as contacts on costs.campaign_id = contacts.campaign_id
    where
        costs.kind = 'retention'
        and costs.campaign_id <> 'unknown'
        and contacts.contact_date <= costs.closed_date
        and contacts.known_date <= costs.closed_date
    union all
    select
        costs.cost_id,
        contacts.customer_id
    from costs
    inner join written_to as contacts
        on costs.month_start_date = cast(date_trunc('month', contacts.contact_date) as date)
    where
        costs.kind = 'retention'
        and costs.campaign_id = 'unknown'
        and contacts.known_date <= costs.closed_date
),

weights as (
    select
        cost_id,
        customer_id,
        count(*) as weight
    from carriers
    group by cost_id, customer_id
),

sharing as ( -- noqa: ST03
    select
        costs.cost_id,
        costs.amount,
        weights.customer_id,
        weights.weight
    from costs
    inner join weights on costs.cost_id = weights.cost_id
),

shares as (
    {{ largest_remainder('sharing', ['cost_id'], ['customer_id']) }}
),

shared as (
    select
        costs.cost_id,
        coalesce(shares.customer_id, 'unknown') as customer_id,
        coalesce(shares.share_amount, costs.amount) as amount
    from costs
    left join shares on costs.cost_id = shares.cost_id
),

booked_costs as (
    select
        'booked:' || costs.cost_id || ':' || shared.customer_id as allocation_id,
        shared.customer_id,
        costs.source_system,
        costs.campaign_id,
        costs.kind,
        'booked' as source,
        costs.cost_id,
        shared.amount,
        costs.month_end_date as cost_date,
        costs.closed_date as known_date
    from costs
    inner join shared on costs.cost_id = shared.cost_id
),

allocations as (
    select * from contact_costs
    union all
    select * from campaign_contact_costs
    union all
    select * from booked_costs
),

final as (
    select
        allocation_id,
        customer_id,
        source_system,
        campaign_id,
        kind,
        source,
        cost_id,
        cast(amount as {{ decimal }}) as amount,
        cost_date,
        known_date
    from allocations
)

{{ with_version('customer', 'final', 'cost_date') }}
