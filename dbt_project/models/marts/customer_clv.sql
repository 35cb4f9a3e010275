-- Grain: one row per customer_id. Lifetime value, historic and future; its lines stand in clv_statement.
-- clv_future is a mean; the quantiles do not add up over customers.
{% set money = contract_type('decimal') %}

with customers as (
    select * from {{ ref('part_customer') }}
),

scores as (
    select * from {{ scores('clv') }}
),

sums as (
    select
        customer_id,
        sum(case when part = 'historic' then amount end) as clv_historic,
        sum(case when part = 'future' then amount end) as clv_future,
        sum(amount) as clv_total,
        max(
            case when part = 'historic' and line = 'cost_of_goods' and amount is not null then 1 else 0 end
        ) as has_costs
    from {{ ref('clv_statement') }}
    group by customer_id
),

rates as (
    select * from {{ ref('part_kept_share') }}
),

final as (
    select
        customers.customer_id,
        {{ as_of_date() }} as as_of_date,
        scores.run_id,
        scores.model_version,
        scores.time_unit,
        cast(scores.horizon_days as int) as horizon_days,
        scores.annual_discount_rate,
        case
            when customers.purchases = 0 then null
            when sums.has_costs = 1 then 'margin'
            else 'net_sales'
        end as value_basis,
        scores.p_alive,
        scores.expected_purchases,
        scores.expected_spend,
        cast(sums.clv_historic as {{ money }}) as clv_historic,
        cast(case when scores.clv_future is not null then sums.clv_future end as {{ money }}) as clv_future,
        {%- for quantile, mirrored in [('p10', 'p90'), ('p50', 'p50'), ('p90', 'p10')] %}
        cast(
            {{ rounded(
                'rates.kept_share
                * case
                    when rates.kept_share < 0 then scores.clv_future_' ~ mirrored ~ '
                    else scores.clv_future_' ~ quantile ~ '
                end', currency_digits()
            ) }} as {{ money }}
        ) as clv_future_{{ quantile }},
        {%- endfor %}
        cast(sums.clv_total as {{ money }}) as clv_total,
        scores.clv_future is not null as is_clv_complete,
        {{ rounded_amount('scores.value_if_stays * rates.kept_share') }} as value_if_stays,
        {{ rounded_amount('scores.value_if_leaves * rates.kept_share') }} as value_if_leaves,
        scores.expected_next_order_date,
        case
            when scores.clv_future is not null then null
            else coalesce(scores.unavailable_reason, {{ no_known_purchase() }})
        end as unavailable_reason
    from customers
    left join scores on customers.customer_id = scores.customer_id
    left join sums on customers.customer_id = sums.customer_id
    left join rates on customers.customer_id = rates.customer_id
)

select * from final
