-- Grain: one row per (campaign_id, customer_id): what running the campaign again now would change of the customer.
-- Only campaigns whose order by uplift is better than chance with certainty, on customers that it had not seen
-- (marts.campaign_uplift_evidence says why others are not here): no rows is the usual answer of a small company.
-- Who was deleted at a source or objects to profiling is not here, so that ranks may have gaps.
-- Estimates, not facts: expected_uplift ranks, and a single customer's is uncertain.
{% set money = contract_type('decimal') %}

with scores as (
    select * from {{ scores('uplift') }}
),

customers as (
    select * from {{ ref('customer_clv') }}
),

consents as (
    select * from {{ ref('part_customer_consent') }}
),

final as (
    select
        scores.campaign_id,
        scores.customer_id,
        {{ as_of_date() }} as as_of_date,
        scores.run_id,
        scores.model_version,
        scores.uplift_class,
        scores.uplift_rank,
        scores.expected_uplift,
        scores.expected_purchases,
        cast(scores.expected_uplift * cast(customers.expected_spend as double) as {{ money }}) as expected_net_sales,
        cast(
            scores.expected_uplift * cast(customers.expected_spend as double) * scores.margin_share as {{ money }}
        ) as expected_margin
    from scores
    inner join customers on scores.customer_id = customers.customer_id
    left join consents on scores.customer_id = consents.customer_id
    where consents.withheld_because is null
)

select * from final
