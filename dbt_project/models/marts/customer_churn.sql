-- Grain: one row per customer_id. The chance of no purchase in the horizon after the as-of date.
-- reason_1..3 are the model's drivers (inferred), never reasons that the customer stated.
with customers as (
    select * from {{ ref('part_customer') }}
),

scores as (
    select * from {{ scores('churn') }}
),

values_at_stake as (
    select * from {{ ref('customer_clv') }}
),

final as (
    select
        customers.customer_id,
        {{ as_of_date() }} as as_of_date,
        scores.run_id,
        scores.model_version,
        coalesce(scores.kind, 'non_contractual') as kind,
        cast(scores.horizon_days as int) as horizon_days,
        scores.churn_probability,
        scores.risk_band,
        scores.reason_1,
        scores.reason_2,
        scores.reason_3,
        scores.action_1,
        scores.action_2,
        scores.action_3,
        'inferred' as reason_kind,
        -- E[value | stays] - E[value | leaves] of the horizon, not probability times value.
        cast(
            case
                when scores.churn_probability is not null
                    then values_at_stake.value_if_stays - values_at_stake.value_if_leaves
            end as {{ contract_type('decimal') }}
        ) as expected_loss,
        case
            when scores.churn_probability is not null then null
            else coalesce(scores.unavailable_reason, {{ no_known_purchase() }})
        end as unavailable_reason
    from customers
    left join scores on customers.customer_id = scores.customer_id
    left join values_at_stake on customers.customer_id = values_at_stake.customer_id
)

select * from final
