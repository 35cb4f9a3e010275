-- Grain: one row per (kind, related_id): what the customers of a household or an account are worth together, and what
-- those are worth whom a customer has referred. Of each kind the rows sum to customer_clv, 'none' included; do not add
-- kinds. A referred customer's value is the customer's own: it is no part of the referrer's, nor of customer equity.
-- Who is in several households or accounts, or was referred by several customers, counts for the first of them.
-- Tiers rank households among households, and accounts among accounts, as customers are ranked among customers.

with customers as (
    select * from {{ ref('customer_clv') }}
),

related as (
    select
        customer_id,
        kind,
        related_id
    from {{ ref('bridge_customer_relationship') }}
    where is_counted
),

tiers as (
    select * from {{ scores('related_tiers') }}
),

kinds (kind, nothing_known) as (
    values
    ('household', 'no source says who belongs to a household, and no two persons share an address and a family name'),
    ('account', 'no source says who belongs to an account'),
    ('referral', 'no source says who referred whom')
),

grouped as (
    select
        kinds.kind,
        kinds.nothing_known,
        coalesce(related.related_id, 'none') as related_id,
        customers.customer_id,
        customers.value_basis,
        customers.clv_historic,
        customers.clv_future,
        customers.clv_total
    from customers
    cross join kinds
    left join related on customers.customer_id = related.customer_id and kinds.kind = related.kind
),

summed as (
    select
        kind,
        related_id,
        max(nothing_known) as nothing_known,
        count(*) as customers,
        count(value_basis) as buyers,
        count(clv_future) as valued_customers,
        case when min(value_basis) = max(value_basis) then max(value_basis) end as value_basis,
        sum(clv_historic) as clv_historic,
        sum(clv_future) as clv_future,
        sum(clv_total) as clv_total
    from grouped
    group by kind, related_id
)

select
    summed.kind,
    summed.related_id,
    {{ as_of_date() }} as as_of_date,
    summed.customers,
    summed.buyers,
    summed.valued_customers,
    summed.value_basis,
    tiers.tier,
    tiers.next_tier,
    cast(tiers.tier_value as {{ contract_type('total') }}) as tier_value,
    cast(tiers.to_next_tier as {{ contract_type('total') }}) as to_next_tier,
    cast(summed.clv_historic as {{ contract_type('total') }}) as clv_historic,
    cast(summed.clv_future as {{ contract_type('total') }}) as clv_future,
    cast(summed.clv_total as {{ contract_type('total') }}) as clv_total,
    summed.valued_customers = summed.buyers as is_clv_complete,
    case when summed.related_id = 'none' and count(*) over (partition by summed.kind) = 1 then summed.nothing_known end
        as unavailable_reason
from summed
left join tiers on summed.kind = tiers.kind and summed.related_id = tiers.related_id
