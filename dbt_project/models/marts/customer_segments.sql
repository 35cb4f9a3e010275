-- Grain: one row per customer_id. Customers without a known purchase are prospects without scores.
with customers as (
    select * from {{ ref('part_customer') }}
),

scores as (
    select * from {{ scores('segments') }}
),

final as (
    select
        customers.customer_id,
        {{ as_of_date() }} as as_of_date,
        scores.run_id,
        cast(scores.recency_score as int) as recency_score,
        cast(scores.frequency_score as int) as frequency_score,
        cast(scores.monetary_score as int) as monetary_score,
        cast(scores.segment_id as int) as segment_id,
        scores.segment_name,
        scores.tier,
        case when scores.customer_id is null then 'prospect' else scores.lifecycle_stage end as lifecycle_stage,
        case when scores.customer_id is null then {{ no_known_purchase() }} else scores.unavailable_reason end
            as unavailable_reason
    from customers
    left join scores on customers.customer_id = scores.customer_id
)

select * from final
