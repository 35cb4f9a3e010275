-- Grain: one row per customer_id. Customers without a known purchase have no scores; they are prospects, or have the
-- stage of their contract. Tiers are set at month-ends (docs/decisions.md): tier_value is of the 12 months before.
with customers as (
    select * from {{ ref('part_customer') }}
),

scores as (
    select * from {{ scores('segments') }}
),

stages as (
    select
        customer_id,
        lifecycle_stage
    from {{ ref('customer_stage_history') }}
    where is_current
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
        case
            when scores.customer_id is null then coalesce(stages.lifecycle_stage, 'prospect')
            else scores.lifecycle_stage
        end as lifecycle_stage,
        scores.tier_value_basis,
        scores.tier_value_of,
        scores.next_tier,
        levels.level as relationship_level,
        cast(scores.tier_value as {{ contract_type('decimal') }}) as tier_value,
        cast(scores.to_next_tier as {{ contract_type('decimal') }}) as to_next_tier,
        scores.tier_margin,
        scores.is_unprofitable,
        cast(scores.tier_since as date) as tier_since,
        case when scores.customer_id is null then {{ no_known_purchase() }} else scores.unavailable_reason end
            as unavailable_reason
    from customers
    left join scores on customers.customer_id = scores.customer_id
    left join stages on customers.customer_id = stages.customer_id
    left join {{ ref('relationship_levels') }} as levels
        on
            scores.tier = levels.tier
            and (
                (levels.margin = 'unknown' and scores.tier_margin is null)
                or (
                    levels.margin <> 'unknown'
                    and coalesce(scores.tier_margin >= levels.margin_from, scores.tier_margin is not null)
                    and coalesce(scores.tier_margin < levels.margin_below, scores.tier_margin is not null)
                )
            )
)

select * from final
