-- Grain: one row per customer_id whom the mining job offers knows: the best offer, or why there is none.
with scores as (
    select
        customer_id,
        max(unavailable_reason) as unavailable_reason
    from {{ scores('offers') }}
    group by customer_id
),

offers as (
    select
        customer_id,
        item_name,
        is_eligible,
        eligible_reason
    from {{ ref('next_best_offer') }}
    where place = 1
)

select
    scores.customer_id,
    case when offers.is_eligible then offers.item_name end as next_offer,
    case
        when offers.is_eligible then null
        when offers.customer_id is not null then offers.eligible_reason
        else coalesce(scores.unavailable_reason, 'nothing that is sold now and may be offered')
    end as next_offer_reason
from scores
left join offers on scores.customer_id = offers.customer_id
