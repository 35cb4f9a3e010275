-- Grain: one row per product with sales or refunds in the 365 days to the as-of date. Additive: net_revenue,
-- gross_margin. Classes by rank of net_revenue (ABC analysis; Dickie 1951): A until 80 % of the sum, B until 95 %, C
-- the long tail. The product that crosses a border belongs to the class before it.
{% set money = contract_type('decimal') %}
{% set first_day = add_days(as_of_date(), -364) %}

with sold as (
    select
        product_id,
        net_amount as net_revenue,
        cost_amount,
        cost_amount is null as is_cost_unknown,
        0 as recovered_amount
    from {{ ref('fct_order_line') }}
    where is_goods and is_sale and order_date >= {{ first_day }} and {{ by_as_of('order_date') }}
    union all
    select
        product_id,
        -{{ measure('fct_return', 'refunds') }} as net_revenue,
        0 as cost_amount,
        false as is_cost_unknown,
        {{ measure('fct_return', 'recovered') }} as recovered_amount
    from {{ ref('fct_return') }}
    where product_id <> 'not_applicable' and return_date >= {{ first_day }} and {{ by_as_of('return_date') }}
),

products as (
    select
        product_id,
        cast(coalesce(sum(net_revenue), 0) as {{ money }}) as net_revenue,
        cast(
            case
                when max(case when is_cost_unknown then 1 else 0 end) = 0
                    then
                        coalesce(sum(net_revenue), 0) + coalesce(sum(recovered_amount), 0)
                        - coalesce(sum(cost_amount), 0)
            end as {{ money }}
        ) as gross_margin
    from sold
    group by product_id
),

ranked as (
    select
        *,
        row_number() over (order by net_revenue desc, product_id asc) as revenue_rank,
        sum(net_revenue) over () as total,
        sum(net_revenue) over (
            order by net_revenue desc, product_id asc rows between unbounded preceding and current row
        ) as cumulative
    from products
),

final as (
    select
        ranked.product_id,
        {{ as_of_date() }} as as_of_date,
        dim_product.product_name,
        dim_product.category,
        case
            when ranked.total <= 0 then null
            when ranked.cumulative - ranked.net_revenue < 0.8 * ranked.total and ranked.net_revenue > 0 then 'A'
            when ranked.cumulative - ranked.net_revenue < 0.95 * ranked.total and ranked.net_revenue > 0 then 'B'
            else 'C'
        end as abc_class,
        ranked.revenue_rank,
        ranked.net_revenue,
        ranked.gross_margin,
        case when ranked.total > 0 then {{ quotient('ranked.cumulative', 'ranked.total', 6) }} end as cumulative_share
    from ranked
    left join {{ ref('dim_product') }} as dim_product on ranked.product_id = dim_product.product_id
)

select
    *,
    case
        when abc_class <> 'C' then null
        when gross_margin is null then 'its margin is not known'
        when gross_margin > 0 then 'a cut would drop a profitable product'
        else 'a cut would lose no margin'
    end as tail_verdict
from final
